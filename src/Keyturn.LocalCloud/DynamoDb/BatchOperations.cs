using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Many independent reads or writes in one call. Nothing is ever left unprocessed here.</summary>
internal sealed class BatchOperations(Tables tables)
{
    private const int MaxKeys = 100;
    private const int MaxWrites = 25;

    public IEnumerable<ApiOperation> All =>
    [
        DynamoDbService.Operation("BatchGetItem", Get),
        DynamoDbService.Operation("BatchWriteItem", Write),
    ];

    private JsonObject Get(JsonObject request)
    {
        var wanted = RequestItems(request);
        lock (tables.Gate)
        {
            var (responses, count) = (new JsonObject(), 0);
            foreach (var (name, node) in wanted)
            {
                var (table, keysAndView) = (Table(name), node as JsonObject ?? throw Malformed());
                ItemOperations.RefuseLegacy(keysAndView);
                var keys = (keysAndView.Array("dynamodb", "Keys") ?? throw DynamoDbErrors.Missing("Keys")).Select(k => k as JsonObject ?? throw Malformed()).ToList();
                if ((count += keys.Count) > MaxKeys)
                    throw DynamoDbErrors.Validation("Too many items requested for the BatchGetItem call");
                if (keys.Select(k => table.ReadKey(AttributeReader.ReadItem(k))).Distinct().Count() != keys.Count)
                    throw DynamoDbErrors.Validation("Provided list of item keys contains duplicates");
                var context = new ExpressionContext(keysAndView);
                var projection = ItemOperations.ReadProjection(keysAndView, context);
                context.CheckUnused();
                responses[name] = new JsonArray([.. keys.Select(k => ItemOperations.Read(table, k, projection)?.ToMembers()).OfType<JsonNode>()]);
            }

            return new JsonObject { ["Responses"] = responses, ["UnprocessedKeys"] = new JsonObject() };
        }
    }

    private JsonObject Write(JsonObject request)
    {
        var wanted = RequestItems(request);
        lock (tables.Gate)
        {
            var writes = wanted.SelectMany(w => (w.Value as JsonArray ?? throw Malformed()).Select(n => Read(Table(w.Key), n as JsonObject ?? throw Malformed()))).ToList();
            if (writes.Count is 0 or > MaxWrites)
                throw DynamoDbErrors.Validation("Too many items requested for the BatchWriteItem call");
            if (writes.Select(w => (w.Table.Name, w.Key)).Distinct().Count() != writes.Count)
                throw DynamoDbErrors.Validation("Provided list of item keys contains duplicates");
            foreach (var write in writes)
                write.Commit(write.Prepare().New);
            return new JsonObject { ["UnprocessedItems"] = new JsonObject() };
        }
    }

    private static ItemWrite Read(Table table, JsonObject write) => (write.Object("dynamodb", "PutRequest"), write.Object("dynamodb", "DeleteRequest")) switch
    {
        ({ } put, null) => ItemWrite.Put(table, put),
        (null, { } delete) => ItemWrite.Delete(table, delete),
        _ => throw DynamoDbErrors.Validation("A write request must have exactly one of PutRequest and DeleteRequest"),
    };

    private Table Table(string name) => tables.Find(new JsonObject { ["TableName"] = name });

    private static JsonObject RequestItems(JsonObject request) =>
        request.Object("dynamodb", "RequestItems") is { Count: > 0 } items ? items : throw DynamoDbErrors.Missing("RequestItems");

    private static ApiException Malformed() => RequestBody.Malformed("dynamodb", "'RequestItems' has a member of the wrong type.");
}
