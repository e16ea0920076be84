using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>ConsumedCapacity, when a request asks for it. The units are those of small items: nothing here is billed or throttled.</summary>
internal static class Consumed
{
    public static JsonObject Add(JsonObject answer, JsonObject request, Table table, double units)
    {
        if (IsAsked(request))
            answer["ConsumedCapacity"] = Show(table, units);
        return answer;
    }

    public static JsonObject AddMany(JsonObject answer, JsonObject request, IEnumerable<Table> tables, double units)
    {
        if (IsAsked(request))
            answer["ConsumedCapacity"] = new JsonArray([.. tables.GroupBy(t => t).Select(g => Show(g.Key, g.Count() * units))]);
        return answer;
    }

    private static bool IsAsked(JsonObject request) => request.Text("dynamodb", "ReturnConsumedCapacity") switch
    {
        null or "NONE" => false,
        "TOTAL" or "INDEXES" => true,
        var other => throw DynamoDbErrors.Validation($"1 validation error detected: Value '{other}' at 'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]"),
    };

    private static JsonObject Show(Table table, double units) => new() { ["TableName"] = table.Name, ["CapacityUnits"] = units };
}
