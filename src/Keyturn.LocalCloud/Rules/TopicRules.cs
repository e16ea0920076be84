using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Rules;

/// <summary>The rules of the account, and the API that keeps them.</summary>
internal sealed class TopicRules(CloudAccount account, TimeProvider time)
{
    private static readonly MemberRule RuleName = new(1, 128, "[a-zA-Z0-9_]+");

    private readonly Lock _gate = new();
    private volatile TopicRule[] _rules = [];

    public IEnumerable<ApiOperation> Operations =>
    [
        Operation("CreateTopicRule", "POST", "/rules/{ruleName}", request => Create(request.Label("ruleName", RuleName), request.Json)),
        Operation("ReplaceTopicRule", "PATCH", "/rules/{ruleName}", Replace),
        new("iot", "GetTopicRule", "GET", "/rules/{ruleName}", (request, _) => ValueTask.FromResult(Get(request))),
        new("iot", "ListTopicRules", "GET", "/rules", (request, _) => ValueTask.FromResult(List(request))),
        Operation("EnableTopicRule", "POST", "/rules/{ruleName}/enable", request => Change(request, rule => rule with { IsDisabled = false })),
        Operation("DisableTopicRule", "POST", "/rules/{ruleName}/disable", request => Change(request, rule => rule with { IsDisabled = true })),
        Operation("DeleteTopicRule", "DELETE", "/rules/{ruleName}", request => Change(request, _ => null)),
    ];

    /// <summary>By name. A snapshot.</summary>
    public IReadOnlyList<TopicRule> All => _rules;

    /// <param name="payload">TopicRulePayload of the API model.</param>
    /// <returns>The rule's ARN.</returns>
    /// <exception cref="ApiException">As CreateTopicRule refuses it.</exception>
    public string Create(string name, JsonObject payload)
    {
        var rule = TopicRule.Read(name, payload, time.GetUtcNow());
        lock (_gate)
        {
            if (_rules.Any(r => r.Name == name))
                throw new ApiException(409, "ResourceAlreadyExistsException", $"Rule name '{name}' already exists");
            _rules = [.. _rules.Append(rule).OrderBy(r => r.Name, StringComparer.Ordinal)];
        }

        return Arn(name);
    }

    public string Arn(string name) => account.Arn("iot", $"rule/{name}");

    private void Replace(ApiRequest request)
    {
        var name = request.Label("ruleName", RuleName);
        var rule = TopicRule.Read(name, request.Json, time.GetUtcNow());
        Change(request, old => rule with { Created = old.Created });
    }

    private void Change(ApiRequest request, Func<TopicRule, TopicRule?> change)
    {
        var name = request.Label("ruleName", RuleName);
        lock (_gate)
        {
            var changed = change(Find(name));
            _rules = [.. _rules.Select(r => r.Name == name ? changed : r).OfType<TopicRule>()];
        }
    }

    private ApiResponse Get(ApiRequest request)
    {
        var rule = Find(request.Label("ruleName", RuleName));
        return new ApiResponse(Json: new JsonObject { ["ruleArn"] = Arn(rule.Name), ["rule"] = rule.Describe() });
    }

    private ApiResponse List(ApiRequest request)
    {
        var topic = request.QueryText("topic");
        var disabled = request.QueryText("ruleDisabled") is null ? (bool?)null : request.QueryFlag("ruleDisabled");
        var rules = _rules.Where(r => topic is null || r.Statement.Filter == topic).Where(r => disabled is null || r.IsDisabled == disabled);
        return new ApiResponse(Json: request.Page("rules", rules, r => r.Name, Summarize, max: 10_000));
    }

    private JsonObject Summarize(TopicRule rule) => new()
    {
        ["ruleArn"] = Arn(rule.Name),
        ["ruleName"] = rule.Name,
        ["topicPattern"] = rule.Statement.Filter,
        ["createdAt"] = rule.Created.ToUnixTimeSeconds(),
        ["ruleDisabled"] = rule.IsDisabled,
    };

    /// <summary>AWS does not say that a rule is missing: it denies access to it.</summary>
    private TopicRule Find(string name) => _rules.FirstOrDefault(r => r.Name == name)
        ?? throw new ApiException(401, "UnauthorizedException", $"Access to topic rule '{name}' was denied");

    private static ApiOperation Operation(string name, string method, string path, Action<ApiRequest> run) =>
        new("iot", name, method, path, (request, _) =>
        {
            run(request);
            return ValueTask.FromResult(new ApiResponse());
        });
}
