using System.Collections.Frozen;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>The functions offered, by https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-functions.html.</summary>
internal static class SqlFunctions
{
    private static readonly FrozenDictionary<string, SqlFunction> All =
        Message().Concat(Values()).Concat(SqlNumberFunctions.All).Concat(SqlTextFunctions.All)
            .ToFrozenDictionary(f => f.Name, StringComparer.OrdinalIgnoreCase);

    public static SqlFunction? Find(string name) => All.GetValueOrDefault(name);

    private static IEnumerable<SqlFunction> Message() =>
    [
        new("topic", 0, 1, Topic),
        new("clientid", 0, 0, (message, _) => SqlValue.Of(message.ClientId ?? "n/a")),
        new("principal", 0, 0, (message, _) => SqlValue.OfText(message.Principal)),
        new("timestamp", 0, 0, (message, _) => SqlValue.Of(message.Received.ToUnixTimeMilliseconds())),
        new("traceid", 0, 0, (message, _) => message.ClientId is null ? SqlValue.Undefined : SqlValue.Of(message.TraceId.ToString())),
        new("accountid", 0, 0, (message, _) => SqlValue.Of(message.AccountId)),
        new("newuuid", 0, 0, (_, _) => SqlValue.Of(Guid.NewGuid().ToString())),
        new("sql_version", 0, 0, (_, _) => SqlValue.Of("2016-03-23")),
    ];

    private static IEnumerable<SqlFunction> Values() =>
    [
        new("isUndefined", 1, 1, (_, a) => SqlValue.Of(!a[0].IsDefined)),
        new("isNull", 1, 1, (_, a) => SqlValue.Of(a[0].IsNull)),
        new("nanvl", 2, 2, (_, a) => a[0].IsDefined && !a[0].IsNull ? a[0] : a[1]),
        new("get", 2, 2, (_, a) => SqlEvaluator.Item(a[0], a[1])),
        new("concat", 0, int.MaxValue, (_, a) => Concat(a)),
    ];

    private static SqlValue Topic(SqlMessage message, IReadOnlyList<SqlValue> arguments)
    {
        if (arguments.Count == 0)
            return SqlValue.Of(message.Topic);
        var segments = message.Topic.Split('/');
        return arguments[0].ToInt() is { } number && number >= 1 && number <= segments.Length
            ? SqlValue.Of(segments[(int)number - 1])
            : SqlValue.Undefined;
    }

    private static SqlValue Concat(IReadOnlyList<SqlValue> arguments)
    {
        if (arguments.Count < 2)
            return arguments.Count == 0 ? SqlValue.Undefined : arguments[0];
        if (arguments.Any(a => a.Node is JsonArray))
        {
            return SqlValue.Of(new JsonArray([.. arguments.Where(a => a.IsDefined)
                .SelectMany(a => a.Node is JsonArray items ? items : Enumerable.Repeat(a.Node, 1))
                .Select(n => n?.DeepClone())]));
        }

        var texts = arguments.Select(a => a.ToText()).ToList();
        return arguments.Any(a => a.IsText) && !texts.Contains(null) ? SqlValue.Of(string.Concat(texts)) : SqlValue.Undefined;
    }
}
