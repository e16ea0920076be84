using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.EventBridge;

/// <summary>The EventBridge API, as far as schedules go. https://docs.aws.amazon.com/eventbridge/latest/APIReference/</summary>
internal sealed class EventRuleOperations(ScheduleService schedules)
{
    private const int MostTargets = 5;
    private static readonly MemberRule Name = new(1, 64, @"[\.\-_A-Za-z0-9]+");
    private static readonly MemberRule State = new(values: ["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"]);

    public IEnumerable<ApiOperation> All => new[]
    {
        Locked("PutRule", Put),
        Locked("DescribeRule", request => Show(Find(request, "Name"))),
        Locked("ListRules", List),
        Locked("EnableRule", request => Enable(request, true)),
        Locked("DisableRule", request => Enable(request, false)),
        Locked("DeleteRule", Delete),
        Locked("PutTargets", PutTargets),
        Locked("RemoveTargets", RemoveTargets),
        Locked("ListTargetsByRule", request => Page(request, "Targets", Find(request, "Rule").Targets.Values, t => t.Id, Show)),
        Locked("ListRuleNamesByTarget", ListByTarget),
    }.Saying("ValidationException");

    private JsonNode Put(ApiRequest request)
    {
        CheckBus(request);
        return new JsonObject { ["RuleArn"] = Put(request.RequiredText("Name", Name), request.Json).Arn };
    }

    /// <summary>Makes or changes a rule, by the members of PutRule.</summary>
    public ScheduledRule Put(string name, JsonObject json)
    {
        var expression = json.Text("events", "ScheduleExpression", new MemberRule(0, 256));
        if (json.Text("events", "EventPattern") is { Length: > 0 })
            throw RequestMembers.Invalid("This cloud has schedules only: a rule with an EventPattern would never match.");
        if (string.IsNullOrEmpty(expression))
            throw RequestMembers.Invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
        var schedule = ScheduleExpression.Parse(expression) ?? throw RequestMembers.Invalid("Parameter ScheduleExpression is not valid.");
        var rule = schedules.Rules.GetValueOrDefault(name) ?? new ScheduledRule(name) { Expression = expression, Schedule = schedule };
        (rule.Expression, rule.Schedule) = (expression, schedule);
        rule.Description = json.Text("events", "Description", new MemberRule(0, 512));
        rule.RoleArn = json.Text("events", "RoleArn");
        rule.IsEnabled = json.Text("events", "State", State) != "DISABLED";
        schedules.Put(rule);
        return rule;
    }

    public static RuleTarget ReadTarget(JsonObject target)
    {
        if (target.FirstOrDefault(m => m.Key is not ("Id" or "Arn" or "Input" or "RetryPolicy" or "DeadLetterConfig")).Key is { } unknown)
            throw RequestMembers.Invalid($"This cloud gives a target its Input or the event; {unknown} is not offered.");
        var id = target.Text("events", "Id", Name) ?? throw RequestMembers.Missing("targets.id");
        var arn = target.Text("events", "Arn", new MemberRule(1, 1600)) ?? throw RequestMembers.Missing("targets.arn");
        if (!arn.StartsWith("arn:", StringComparison.Ordinal))
            throw RequestMembers.Invalid($"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.");
        if (!arn.StartsWith("arn:aws:lambda:", StringComparison.Ordinal))
            throw RequestMembers.Invalid($"Parameter {arn} is not valid. Reason: the targets of this cloud are Lambda functions.");
        var input = target.Text("events", "Input", new MemberRule(0, 8192));
        if (input is not null && !IsJson(input))
            throw RequestMembers.Invalid($"JSON syntax error in input for target {id}");
        var deadLetters = target.Object("events", "DeadLetterConfig");
        return new RuleTarget(id, arn, input, deadLetters?.Text("events", "Arn"), target.Object("events", "RetryPolicy"));
    }

    private JsonNode? Enable(ApiRequest request, bool enabled)
    {
        schedules.Enable(Find(request, "Name"), enabled);
        return null;
    }

    private JsonNode? Delete(ApiRequest request)
    {
        CheckBus(request);
        var name = request.RequiredText("Name", Name);
        // Deleting a rule that is not there is no error.
        if (schedules.Rules.TryGetValue(name, out var rule) && rule.Targets.Count > 0)
            throw RequestMembers.Invalid("Rule can't be deleted since it has targets.");
        schedules.Remove(name);
        return null;
    }

    private JsonNode PutTargets(ApiRequest request)
    {
        var rule = Find(request, "Rule");
        var targets = (request.Json.Array("events", "Targets") ?? throw RequestMembers.Missing("targets"))
            .Select(t => ReadTarget(t as JsonObject ?? throw RequestBody.Malformed("events", "'Targets' is not a list of structures."))).ToList();
        if (rule.Targets.Keys.Union(targets.Select(t => t.Id)).Count() > MostTargets)
            throw new ApiException(400, "LimitExceededException", $"The requested resource exceeds the maximum number allowed: {MostTargets} targets a rule.");
        foreach (var target in targets)
            rule.Targets[target.Id] = target;
        return Done();
    }

    private JsonNode RemoveTargets(ApiRequest request)
    {
        var rule = Find(request, "Rule");
        foreach (var id in request.Texts("Ids", Name) ?? throw RequestMembers.Missing("ids"))
            rule.Targets.Remove(id);
        return Done();
    }

    private JsonNode List(ApiRequest request)
    {
        CheckBus(request);
        var prefix = request.Text("NamePrefix", Name) ?? "";
        return Page(request, "Rules", schedules.Rules.Values.Where(r => r.Name.StartsWith(prefix, StringComparison.Ordinal)), r => r.Name, Show);
    }

    private JsonNode ListByTarget(ApiRequest request)
    {
        CheckBus(request);
        var arn = request.RequiredText("TargetArn");
        return Page(request, "RuleNames", schedules.Rules.Values.Where(r => r.Targets.Values.Any(t => t.Arn == arn)), r => r.Name, r => r.Name);
    }

    private static JsonObject Page<T>(ApiRequest request, string member, IEnumerable<T> all, Func<T, string> key, Func<T, JsonNode> show) => Paging.Cut(
        member, all, key, show, (int)(request.Number("Limit", 1, 100) ?? 100), ("NextToken", request.Text("NextToken")), "NextToken",
        name => RequestMembers.Invalid($"Parameter {name} is not valid."));

    private ScheduledRule Find(ApiRequest request, string member)
    {
        CheckBus(request);
        var name = request.RequiredText(member, Name);
        return schedules.Rules.GetValueOrDefault(name) ?? throw NotFound($"Rule {name} does not exist on EventBus default.");
    }

    private static void CheckBus(ApiRequest request)
    {
        if (request.Text("EventBusName") is { } bus && bus != "default" && bus != CloudAccount.Local.Arn("events", "event-bus/default"))
            throw NotFound($"Event bus {bus} does not exist.");
    }

    private static JsonObject Show(ScheduledRule rule)
    {
        var shown = new JsonObject
        {
            ["Name"] = rule.Name,
            ["Arn"] = rule.Arn,
            ["ScheduleExpression"] = rule.Expression,
            ["State"] = rule.IsEnabled ? "ENABLED" : "DISABLED",
            ["EventBusName"] = "default",
        };
        if (rule.Description is not null)
            shown["Description"] = rule.Description;
        if (rule.RoleArn is not null)
            shown["RoleArn"] = rule.RoleArn;
        return shown;
    }

    private static JsonObject Show(RuleTarget target)
    {
        var shown = new JsonObject { ["Id"] = target.Id, ["Arn"] = target.Arn };
        if (target.Input is not null)
            shown["Input"] = target.Input;
        if (target.RetryPolicy is not null)
            shown["RetryPolicy"] = target.RetryPolicy.DeepClone();
        if (target.DeadLetterArn is not null)
            shown["DeadLetterConfig"] = new JsonObject { ["Arn"] = target.DeadLetterArn };
        return shown;
    }

    private ApiOperation Locked(string name, Func<ApiRequest, JsonNode?> answer) => ValidationErrors.Json("events", name, request =>
    {
        lock (schedules.Gate)
            return answer(request);
    });

    private static bool IsJson(string text)
    {
        try
        {
            StrictJson.Parse(System.Text.Encoding.UTF8.GetBytes(text));
            return true;
        }
        catch (System.Text.Json.JsonException)
        {
            return false;
        }
    }

    private static JsonObject Done() => new() { ["FailedEntryCount"] = 0, ["FailedEntries"] = new JsonArray() };

    private static ApiException NotFound(string message) => new(400, "ResourceNotFoundException", message);
}
