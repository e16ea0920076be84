using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Rules.Sql;

namespace Keyturn.LocalCloud.Rules;

/// <summary>A rule as it was created: its payload as sent, and what was parsed from it.</summary>
internal sealed record TopicRule(
    string Name, DateTimeOffset Created, bool IsDisabled, JsonObject Payload, string SqlVersion,
    SqlStatement Statement, TopicFilter Filter, IReadOnlyList<RuleAction> Actions, RuleAction? ErrorAction)
{
    private const int MaxActions = 10;

    private static readonly string[] SqlVersions = ["2015-10-08", "2016-03-23", "beta"];

    /// <param name="payload">TopicRulePayload of the API model.</param>
    /// <exception cref="ApiException">As CreateTopicRule refuses it.</exception>
    public static TopicRule Read(string name, JsonObject payload, DateTimeOffset created)
    {
        var sql = payload.Text("iot", "sql") ?? throw RequestMembers.Missing("topicRulePayload.sql");
        var actions = payload.Array("iot", "actions") ?? throw RequestMembers.Missing("topicRulePayload.actions");
        if (actions.Count > MaxActions)
            throw RequestMembers.Invalid($"A rule has at most {MaxActions} actions.");
        _ = payload.Text("iot", "description");
        var version = payload.Text("iot", "awsIotSqlVersion") ?? SqlVersions[0];
        if (!SqlVersions.Contains(version))
            throw RequestMembers.Invalid($"The SQL version '{version}' is not supported; write one of {string.Join(", ", SqlVersions)}.");
        try
        {
            var statement = SqlParser.Parse(sql);
            return new TopicRule(
                name, created, payload.Flag("iot", "ruleDisabled") ?? false, (JsonObject)payload.DeepClone(), version,
                statement, new TopicFilter(statement.Filter), [.. actions.Select(RuleAction.Read)],
                payload.Object("iot", "errorAction") is { } error ? RuleAction.Read(error) : null);
        }
        catch (SqlParseException e)
        {
            throw new ApiException(400, "SqlParseException", e.Message);
        }
    }

    public JsonObject Describe() => new()
    {
        ["ruleName"] = Name,
        ["sql"] = Payload["sql"]?.DeepClone(),
        ["description"] = Payload["description"]?.DeepClone() ?? "",
        ["createdAt"] = Created.ToUnixTimeSeconds(),
        ["actions"] = Payload["actions"]?.DeepClone(),
        ["ruleDisabled"] = IsDisabled,
        ["awsIotSqlVersion"] = SqlVersion,
        ["errorAction"] = Payload["errorAction"]?.DeepClone(),
    };
}
