using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Query and Scan, on tables and their indexes.</summary>
internal sealed class QueryOperations(Tables tables)
{
    private const int MaxPage = 1024 * 1024;
    private const int MaxSegments = 1_000_000;

    public IEnumerable<ApiOperation> All =>
    [
        DynamoDbService.Operation("Query", request => Run(request, Query)),
        DynamoDbService.Operation("Scan", request => Run(request, Scan)),
    ];

    private JsonObject Run(JsonObject request, Func<Read, JsonObject> run)
    {
        ItemOperations.RefuseLegacy(request);
        lock (tables.Gate)
        {
            var table = tables.Find(request);
            var index = request.Text("dynamodb", "IndexName") is not { } name ? null : table.Schema.Indexes.FirstOrDefault(i => i.Name == name)
                ?? throw DynamoDbErrors.Validation($"The table does not have the specified index: {name}");
            if (index is { IsGlobal: true } && request.Flag("dynamodb", "ConsistentRead") == true)
                throw DynamoDbErrors.Validation("Consistent reads are not supported on global secondary indexes");
            return Consumed.Add(run(new Read(request, table, index, new ExpressionContext(request))), request, table, 0.5);
        }
    }

    private static JsonObject Query(Read read)
    {
        var text = read.Request.Text("dynamodb", "KeyConditionExpression")
            ?? throw DynamoDbErrors.Validation("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.");
        var key = read.Index?.Key ?? read.Table.Schema.Key;
        var condition = KeyCondition.Of(ConditionParser.Parse("KeyConditionExpression", text, read.Context), key);
        var order = new ReadOrder(read.Table, read.Index, isQuery: true);
        var found = read.Index is null
            ? read.Table.Partition(condition.Hash)
            : Indexed(read.Table, read.Index).Where(i => condition.Hash.Equals(i[key.Hash.Name])).Order(order);
        found = found.Where(i => condition.Range?.Holds(i) != false);
        var forward = read.Request.Flag("dynamodb", "ScanIndexForward") ?? true;
        return Page(read, order, forward ? found : found.Reverse(), forward, key);
    }

    private static JsonObject Scan(Read read)
    {
        var order = new ReadOrder(read.Table, read.Index, isQuery: false);
        var found = read.Index is null ? read.Table.Items : Indexed(read.Table, read.Index).Order(order);
        var segment = Number(read.Request, "Segment", 0, MaxSegments - 1);
        var segments = Number(read.Request, "TotalSegments", 1, MaxSegments);
        if (segment is null != segments is null)
            throw DynamoDbErrors.Validation($"The {(segment is null ? "Segment" : "TotalSegments")} parameter is required but was not present in the request when {(segment is null ? "TotalSegments" : "Segment")} parameter is present");
        if (segment >= segments)
            throw DynamoDbErrors.Validation($"The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: {segment} is not less than TotalSegments: {segments}");
        if (segment is not null)
            found = found.Where(i => Convert.ToInt64(Table.Scatter(i[read.Table.Schema.Key.Hash.Name]!)[..8], 16) % segments == segment);
        return Page(read, order, found, forward: true, filterExcludes: null);
    }

    private static IEnumerable<MapValue> Indexed(Table table, SecondaryIndex index) =>
        table.Items.Where(i => index.Key.Attributes.All(a => i[a.Name] is not null));

    /// <param name="filterExcludes">A filter of a Query must leave the keys to the key condition.</param>
    private static JsonObject Page(Read read, ReadOrder order, IEnumerable<MapValue> found, bool forward, KeySchema? filterExcludes)
    {
        var (request, table) = (read.Request, read.Table);
        var filter = Filter(read, filterExcludes);
        var view = View(read);
        read.Context.CheckUnused();
        var limit = Number(request, "Limit", 1, int.MaxValue);
        if (Start(request, order) is { } start)
            found = found.Where(i => forward ? order.Compare(i, start) > 0 : order.Compare(i, start) < 0);

        var (scanned, size) = (0, 0);
        var items = new List<MapValue>();
        MapValue? last = null;
        foreach (var item in found)
        {
            if (scanned == limit || size >= MaxPage)
                break;
            (scanned, size, last) = (scanned + 1, size + item.ItemSize, item);
            var projected = OfIndex(table, read.Index, item);
            if (filter?.Holds(projected) != false)
                items.Add(view is null ? projected : view.Of(item));
        }

        var answer = new JsonObject { ["Count"] = items.Count, ["ScannedCount"] = scanned };
        if (request.Text("dynamodb", "Select") != "COUNT")
            answer["Items"] = new JsonArray([.. items.Select(i => i.ToMembers())]);
        // As on AWS: who stopped at the limit can't know that nothing follows.
        if (last is not null && (scanned == limit || size >= MaxPage))
            answer["LastEvaluatedKey"] = order.KeyOf(last).ToMembers();
        return answer;
    }

    private static MapValue OfIndex(Table table, SecondaryIndex? index, MapValue item)
    {
        if (index?.Projected is not { } projected)
            return item;
        return Projection.OfAttributes(
            projected.Concat(table.Schema.Key.Attributes.Select(a => a.Name)).Concat(index.Key.Attributes.Select(a => a.Name)).Distinct()).Of(item);
    }

    private static Condition? Filter(Read read, KeySchema? excludes)
    {
        if (read.Request.Text("dynamodb", "FilterExpression") is not { } text)
            return null;
        var filter = ConditionParser.Parse("FilterExpression", text, read.Context, out var paths);
        if (excludes?.Attributes.FirstOrDefault(a => paths.Any(p => p.Top == a.Name)) is { } key)
            throw DynamoDbErrors.Validation($"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key.Name}");
        return filter;
    }

    /// <summary>What is shown of an item; null: all that is there.</summary>
    private static Projection? View(Read read)
    {
        var select = read.Request.Text("dynamodb", "Select");
        var projection = ItemOperations.ReadProjection(read.Request, read.Context);
        switch (select)
        {
            case null or "COUNT" or "ALL_ATTRIBUTES" or "SPECIFIC_ATTRIBUTES" or "ALL_PROJECTED_ATTRIBUTES":
                break;
            default:
                throw DynamoDbErrors.Validation($"1 validation error detected: Value '{select}' at 'select' failed to satisfy constraint: Member must satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES]");
        }

        if (projection is not null && select is not (null or "SPECIFIC_ATTRIBUTES"))
            throw DynamoDbErrors.Validation($"Cannot specify the ProjectionExpression when choosing to get {select}");
        if (select == "ALL_PROJECTED_ATTRIBUTES" && read.Index is null)
            throw DynamoDbErrors.Invalid("Select type ALL_PROJECTED_ATTRIBUTES is not supported for table queries");
        if (select == "ALL_ATTRIBUTES" && read.Index is { IsGlobal: true, Projected: not null })
            throw DynamoDbErrors.Invalid($"Select type ALL_ATTRIBUTES is not supported for global secondary index {read.Index.Name} because its projection type is not ALL");
        return projection;
    }

    private static MapValue? Start(JsonObject request, ReadOrder order)
    {
        if (request.Object("dynamodb", "ExclusiveStartKey") is not { } members)
            return null;
        var key = AttributeReader.ReadItem(members);
        return key.Members.Count == order.Attributes.Count && order.Attributes.All(a => key[a.Name]?.Type == a.Type)
            ? key
            : throw DynamoDbErrors.Validation("The provided starting key is invalid");
    }

    private static long? Number(JsonObject request, string name, long min, long max)
    {
        if (request.Number("dynamodb", name) is not { } value)
            return null;
        return value >= min && value <= max
            ? value
            : throw DynamoDbErrors.Validation($"1 validation error detected: Value '{value}' at '{char.ToLowerInvariant(name[0])}{name[1..]}' failed to satisfy constraint: Member must have value between {min} and {max}");
    }

    private sealed record Read(JsonObject Request, Table Table, SecondaryIndex? Index, ExpressionContext Context);
}
