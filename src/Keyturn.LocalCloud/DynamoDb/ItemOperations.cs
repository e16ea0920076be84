using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Reading and writing one item.</summary>
internal sealed class ItemOperations(Tables tables)
{
    private static readonly string[] Legacy =
        ["Expected", "AttributeUpdates", "AttributesToGet", "ConditionalOperator", "KeyConditions", "QueryFilter", "ScanFilter"];

    public IEnumerable<ApiOperation> All =>
    [
        DynamoDbService.Operation("GetItem", Get),
        DynamoDbService.Operation("PutItem", request => Write(request, ItemWrite.Put, isUpdate: false)),
        DynamoDbService.Operation("UpdateItem", request => Write(request, ItemWrite.Update, isUpdate: true)),
        DynamoDbService.Operation("DeleteItem", request => Write(request, ItemWrite.Delete, isUpdate: false)),
    ];

    /// <summary>The parameters from before there were expressions.</summary>
    public static void RefuseLegacy(JsonObject request)
    {
        if (Array.Find(Legacy, l => request[l] is not null) is { } legacy)
            throw DynamoDbErrors.Validation($"The parameter {legacy} is not offered by this local cloud; use expressions");
    }

    /// <summary>The item as a GetItem shows it: null when there is none.</summary>
    public static MapValue? Read(Table table, JsonObject key, Projection? projection)
    {
        var found = table.Find(table.ReadKey(AttributeReader.ReadItem(key)));
        return found is null || projection is null ? found : projection.Of(found);
    }

    public static Projection? ReadProjection(JsonObject request, ExpressionContext context) =>
        request.Text("dynamodb", "ProjectionExpression") is { } text ? Projection.Parse(text, context) : null;

    private JsonObject Get(JsonObject request)
    {
        RefuseLegacy(request);
        _ = request.Flag("dynamodb", "ConsistentRead");
        var key = request.Object("dynamodb", "Key") ?? throw DynamoDbErrors.Missing("Key");
        lock (tables.Gate)
        {
            var table = tables.Find(request);
            var context = new ExpressionContext(request);
            var projection = ReadProjection(request, context);
            context.CheckUnused();
            var answer = new JsonObject();
            if (Read(table, key, projection) is { } item)
                answer["Item"] = item.ToMembers();
            return Consumed.Add(answer, request, table, 0.5);
        }
    }

    private JsonObject Write(JsonObject request, Func<Table, JsonObject, ItemWrite> read, bool isUpdate)
    {
        RefuseLegacy(request);
        var returned = ReturnValues(request, isUpdate);
        lock (tables.Gate)
        {
            var table = tables.Find(request);
            var write = read(table, request);
            var (old, changed) = write.Prepare();
            write.Commit(changed);
            var shown = returned switch
            {
                "ALL_OLD" => old,
                "ALL_NEW" => changed,
                "UPDATED_OLD" => old is null ? null : new Projection(write.UpdatedPaths!).Of(old),
                "UPDATED_NEW" => new Projection(write.UpdatedPaths!).Of(changed!),
                _ => null,
            };
            var answer = new JsonObject();
            if (shown is { Members.Count: > 0 })
                answer["Attributes"] = shown.ToMembers();
            return Consumed.Add(answer, request, table, 1);
        }
    }

    private static string ReturnValues(JsonObject request, bool isUpdate)
    {
        var returned = request.Text("dynamodb", "ReturnValues") ?? "NONE";
        if (returned is not ("NONE" or "ALL_OLD" or "UPDATED_OLD" or "ALL_NEW" or "UPDATED_NEW"))
            throw DynamoDbErrors.Validation($"1 validation error detected: Value '{returned}' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]");
        return isUpdate || returned is "NONE" or "ALL_OLD"
            ? returned
            : throw DynamoDbErrors.Validation("Return values set to invalid value");
    }
}
