using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>One conditional change of one item: of its own operation, or of a transaction.</summary>
internal sealed class ItemWrite
{
    private readonly Func<MapValue?, MapValue?> _change;
    private readonly Condition? _condition;

    private ItemWrite(Table table, ItemKey key, JsonObject request, ExpressionContext context, Func<MapValue?, MapValue?> change)
    {
        (Table, Key, _change) = (table, key, change);
        if (request.Text("dynamodb", "ConditionExpression") is { } condition)
            _condition = ConditionParser.Parse("ConditionExpression", condition, context);
        context.CheckUnused();
        ShowsItemOnFailure = request.Text("dynamodb", "ReturnValuesOnConditionCheckFailure") switch
        {
            null or "NONE" => false,
            "ALL_OLD" => true,
            var other => throw DynamoDbErrors.Validation($"1 validation error detected: Value '{other}' at 'returnValuesOnConditionCheckFailure' failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, NONE]"),
        };
    }

    public Table Table { get; }

    public ItemKey Key { get; }

    /// <summary>What an UpdateExpression changes; null for the others.</summary>
    public IReadOnlyList<DocumentPath>? UpdatedPaths { get; private init; }

    public bool ShowsItemOnFailure { get; }

    public static ItemWrite Put(Table table, JsonObject request)
    {
        var item = AttributeReader.ReadItem(request.Object("dynamodb", "Item") ?? throw DynamoDbErrors.Missing("Item"));
        var key = table.KeyOf(item);
        table.Check(item, "Item size has exceeded the maximum allowed size");
        return new ItemWrite(table, key, request, new ExpressionContext(request), _ => item);
    }

    public static ItemWrite Delete(Table table, JsonObject request) => new(table, ReadKey(table, request), request, new ExpressionContext(request), _ => null);

    public static ItemWrite Check(Table table, JsonObject request)
    {
        _ = request.Text("dynamodb", "ConditionExpression") ?? throw DynamoDbErrors.Missing("ConditionExpression");
        return new ItemWrite(table, ReadKey(table, request), request, new ExpressionContext(request), item => item);
    }

    public static ItemWrite Update(Table table, JsonObject request)
    {
        var key = ReadKey(table, request);
        var context = new ExpressionContext(request);
        var update = request.Text("dynamodb", "UpdateExpression") is { } text ? UpdateParser.Parse(text, context) : new UpdateExpression([]);
        foreach (var path in update.Paths)
        {
            if (table.Schema.Key.Attributes.Any(a => a.Name == path.Top))
                throw DynamoDbErrors.Invalid($"Cannot update attribute {path.Top}. This attribute is part of the key");
        }

        var bare = table.Schema.Key.Attributes.Aggregate(
            MapValue.Empty, (item, a) => item.With(a.Name, a == table.Schema.Key.Hash ? key.Hash : key.Range!));
        return new ItemWrite(table, key, request, context, old =>
        {
            var changed = update.Apply(old ?? bare);
            table.Check(changed, "Item size to update has exceeded the maximum allowed size");
            return changed;
        })
        {
            UpdatedPaths = [.. update.Paths],
        };
    }

    /// <summary>Checks the condition and computes the change, without making it.</summary>
    /// <exception cref="ApiException">The condition does not hold, or the update can't be applied to the item.</exception>
    public (MapValue? Old, MapValue? New) Prepare()
    {
        var old = Table.Find(Key);
        return _condition?.Holds(old) == false
            ? throw DynamoDbErrors.ConditionFailed(ShowsItemOnFailure ? old : null)
            : (old, _change(old));
    }

    public void Commit(MapValue? item)
    {
        if (item is null)
            Table.Remove(Key);
        else
            Table.Put(Key, item);
    }

    private static ItemKey ReadKey(Table table, JsonObject request) =>
        table.ReadKey(AttributeReader.ReadItem(request.Object("dynamodb", "Key") ?? throw DynamoDbErrors.Missing("Key")));
}
