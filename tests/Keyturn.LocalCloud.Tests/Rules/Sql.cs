using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Rules.Sql;

namespace Keyturn.LocalCloud.Tests.Rules;

/// <summary>Runs statements on one message.</summary>
internal static class Sql
{
    public const string Topic = "awslabs/things/pump1/certificate/create";

    public const string Principal = "ba67293af50bf2506f5f93469686da660c7c844e7b3950bfb16813e0d31e9373";

    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static string? Run(string sql, string payload, string? clientId = "pump1", string? principal = Principal)
    {
        var message = new SqlMessage(Topic, Encoding.UTF8.GetBytes(payload), clientId, principal, Now, "012345678901");
        return new SqlEvaluator(message).Run(SqlParser.Parse(sql)) is { } result ? Encoding.UTF8.GetString(result.Span) : null;
    }

    /// <summary>The value of one expression, as JSON; "undefined" when it is that.</summary>
    public static string Value(string expression, string payload = "{}")
    {
        var json = JsonNode.Parse(Run($"SELECT {expression} AS x FROM 'a'", payload)!)!.AsObject();
        return json.TryGetPropertyValue("x", out var value) ? value?.ToJsonString(Relaxed) ?? "null" : "undefined";
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
