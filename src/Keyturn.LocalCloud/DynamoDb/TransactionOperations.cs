using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Many items at once: all of the changes, or none.</summary>
internal sealed class TransactionOperations(Tables tables, TimeProvider time)
{
    private const int MaxActions = 100;
    private const int MaxToken = 36;
    private static readonly TimeSpan TokenLifetime = TimeSpan.FromMinutes(10);

    private static readonly Dictionary<string, Func<Table, JsonObject, ItemWrite>> Kinds = new()
    {
        ["Put"] = ItemWrite.Put,
        ["Update"] = ItemWrite.Update,
        ["Delete"] = ItemWrite.Delete,
        ["ConditionCheck"] = ItemWrite.Check,
    };

    private readonly Dictionary<string, (string Digest, DateTimeOffset Done)> _tokens = new(StringComparer.Ordinal);

    public IEnumerable<ApiOperation> All =>
    [
        DynamoDbService.Operation("TransactWriteItems", Write),
        DynamoDbService.Operation("TransactGetItems", Get),
    ];

    private JsonObject Write(JsonObject request)
    {
        var actions = Actions(request);
        var token = request.Text("dynamodb", "ClientRequestToken");
        if (token is { Length: 0 or > MaxToken })
            throw DynamoDbErrors.Validation($"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to satisfy constraint: Member must have length less than or equal to {MaxToken}");
        lock (tables.Gate)
        {
            if (token is not null && IsRepeated(token, Digest(actions)))
                return [];
            var writes = actions.Select(Read).ToList();
            if (writes.Select(w => (w.Table.Name, w.Key)).Distinct().Count() != writes.Count)
                throw DynamoDbErrors.Validation("Transaction request cannot include multiple operations on one item");
            var prepared = writes.Select(Prepare).ToList();
            if (prepared.Exists(p => p.Reason.Code != "None"))
                throw DynamoDbErrors.Cancelled([.. prepared.Select(p => p.Reason)]);
            foreach (var (write, (_, item)) in writes.Zip(prepared))
                write.Commit(item);
            if (token is not null)
                _tokens[token] = (Digest(actions), time.GetUtcNow());
            return Consumed.AddMany([], request, writes.Select(w => w.Table), 2);
        }
    }

    private static (CancellationReason Reason, MapValue? Item) Prepare(ItemWrite write)
    {
        try
        {
            return (CancellationReason.None, write.Prepare().New);
        }
        catch (ApiException e) when (e.Code == "ConditionalCheckFailedException")
        {
            return (new CancellationReason("ConditionalCheckFailed", e.Message, write.ShowsItemOnFailure ? write.Table.Find(write.Key) : null), null);
        }
        catch (ApiException e) when (e.Code == "ValidationException")
        {
            return (new CancellationReason("ValidationError", e.Message), null);
        }
    }

    private JsonObject Get(JsonObject request)
    {
        var actions = Actions(request);
        lock (tables.Gate)
        {
            var read = actions.Select(action =>
            {
                var get = action.Object("dynamodb", "Get") ?? throw DynamoDbErrors.Missing("Get");
                var context = new ExpressionContext(get);
                var projection = ItemOperations.ReadProjection(get, context);
                context.CheckUnused();
                var table = tables.Find(get);
                return (Table: table, Item: ItemOperations.Read(table, get.Object("dynamodb", "Key") ?? throw DynamoDbErrors.Missing("Key"), projection));
            }).ToList();
            var responses = read.Select(r => r.Item is null ? new JsonObject() : new JsonObject { ["Item"] = r.Item.ToMembers() });
            return Consumed.AddMany(new JsonObject { ["Responses"] = new JsonArray([.. responses]) }, request, read.Select(r => r.Table), 1);
        }
    }

    private ItemWrite Read(JsonObject action)
    {
        var kinds = Kinds.Where(k => action[k.Key] is not null).ToList();
        if (kinds.Count != 1)
            throw DynamoDbErrors.Validation("TransactItems can only contain one of Check, Put, Update or Delete");
        var request = action.Object("dynamodb", kinds[0].Key)!;
        ItemOperations.RefuseLegacy(request);
        return kinds[0].Value(tables.Find(request), request);
    }

    /// <summary>The same token with the same actions has been done already; with others it is a mistake.</summary>
    private bool IsRepeated(string token, string digest)
    {
        foreach (var old in _tokens.Where(t => time.GetUtcNow() - t.Value.Done > TokenLifetime).Select(t => t.Key).ToList())
            _tokens.Remove(old);
        if (!_tokens.TryGetValue(token, out var known))
            return false;
        return known.Digest == digest
            ? true
            : throw new ApiException(400, "IdempotentParameterMismatchException", "ClientRequestToken was used with another request");
    }

    private static string Digest(IEnumerable<JsonObject> actions) =>
        Convert.ToHexString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(string.Concat(actions.Select(a => a.ToJsonString())))));

    private static List<JsonObject> Actions(JsonObject request)
    {
        var actions = (request.Array("dynamodb", "TransactItems") ?? throw DynamoDbErrors.Missing("TransactItems"))
            .Select(a => a as JsonObject ?? throw RequestBody.Malformed("dynamodb", "'TransactItems' is not a list of structures.")).ToList();
        return actions.Count is > 0 and <= MaxActions
            ? actions
            : throw DynamoDbErrors.Validation($"1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length between 1 and {MaxActions}");
    }
}
