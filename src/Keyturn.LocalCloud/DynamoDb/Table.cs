using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.DynamoDb;

/// <param name="Range">Null where the table has no range key.</param>
internal sealed record ItemKey(AttributeValue Hash, AttributeValue? Range);

/// <summary>The items of one table. Not safe for threads: <see cref="Tables"/> holds the lock.</summary>
internal sealed class Table(string name, string arn, TableSchema schema, JsonObject declaration, DateTimeOffset created)
{
    public const int MaxItemSize = 400 * 1024;

    private const int MaxHashSize = 2048;
    private const int MaxRangeSize = 1024;

    private readonly Dictionary<AttributeValue, SortedDictionary<AttributeValue, MapValue>> _partitions = [];

    public string Name { get; } = name;

    public string Arn { get; } = arn;

    public TableSchema Schema { get; } = schema;

    public Guid Id { get; } = Guid.NewGuid();

    public DateTimeOffset Created { get; } = created;

    /// <summary>The request that made it, for DescribeTable.</summary>
    public JsonObject Declaration { get; } = declaration;

    public string? TimeToLiveAttribute { get; set; }

    public bool HasPointInTimeRecovery { get; set; }

    public bool IsProtected { get; set; }

    public int Count => _partitions.Values.Sum(p => p.Count);

    public IEnumerable<MapValue> Items => _partitions.OrderBy(p => Scatter(p.Key), StringComparer.Ordinal).SelectMany(p => p.Value.Values);

    public MapValue? Find(ItemKey key) =>
        _partitions.TryGetValue(key.Hash, out var partition) ? partition.GetValueOrDefault(key.Range ?? NoRange) : null;

    public IEnumerable<MapValue> Partition(AttributeValue hash) => _partitions.TryGetValue(hash, out var partition) ? partition.Values : [];

    public void Put(ItemKey key, MapValue item)
    {
        if (!_partitions.TryGetValue(key.Hash, out var partition))
            _partitions[key.Hash] = partition = new SortedDictionary<AttributeValue, MapValue>(RangeOrder);
        partition[key.Range ?? NoRange] = item;
    }

    public void Remove(ItemKey key)
    {
        if (_partitions.TryGetValue(key.Hash, out var partition) && partition.Remove(key.Range ?? NoRange) && partition.Count == 0)
            _partitions.Remove(key.Hash);
    }

    /// <summary>Scans run through partitions in an order that has nothing to do with their keys, as on AWS, but always the same.</summary>
    public static string Scatter(AttributeValue hash) =>
        Convert.ToHexString(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(hash.ToJson().ToJsonString())));

    /// <summary>The key in <c>Key</c> of a request: exactly the attributes of the schema.</summary>
    public ItemKey ReadKey(MapValue key)
    {
        if (key.Members.Count != Schema.Key.Attributes.Count() || Schema.Key.Attributes.Any(a => key[a.Name]?.Type != a.Type))
            throw DynamoDbErrors.KeyMismatch();
        return CheckedKey(key);
    }

    /// <summary>The key within a whole item.</summary>
    public ItemKey KeyOf(MapValue item)
    {
        foreach (var attribute in Schema.Key.Attributes)
        {
            var value = item[attribute.Name] ?? throw DynamoDbErrors.Invalid($"Missing the key {attribute.Name} in the item");
            if (value.Type != attribute.Type)
                throw DynamoDbErrors.Invalid($"Type mismatch for key {attribute.Name} expected: {attribute.Type} actual: {value.Type}");
        }

        return CheckedKey(item);
    }

    /// <summary>Throws when the item is too large, or has an attribute in the way of an index.</summary>
    public void Check(MapValue item, string tooLarge)
    {
        if (item.ItemSize > MaxItemSize)
            throw DynamoDbErrors.Validation(tooLarge);
        foreach (var index in Schema.Indexes)
        {
            foreach (var attribute in index.Key.Attributes)
            {
                if (item[attribute.Name] is not { } value)
                    continue;
                if (value.Type != attribute.Type)
                    throw DynamoDbErrors.Invalid($"Type mismatch for Index Key {attribute.Name} Expected: {attribute.Type} Actual: {value.Type} IndexName: {index.Name}");
                if (value.Size == 0)
                    throw DynamoDbErrors.Validation($"One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: {index.Name}, IndexKey: {attribute.Name}");
            }
        }
    }

    private ItemKey CheckedKey(MapValue item)
    {
        foreach (var attribute in Schema.Key.Attributes)
        {
            var value = item[attribute.Name]!;
            if (value.Size == 0)
                throw DynamoDbErrors.Validation($"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty {(value is BinaryValue ? "binary" : "string")} value. Key: {attribute.Name}");
            var isHash = attribute == Schema.Key.Hash;
            if (value.Size > (isHash ? MaxHashSize : MaxRangeSize))
                throw DynamoDbErrors.Invalid($"Size of {(isHash ? "hashkey" : "rangekey")} has exceeded the maximum size limit of {(isHash ? MaxHashSize : MaxRangeSize)} bytes");
        }

        return new ItemKey(item[Schema.Key.Hash.Name]!, Schema.Key.Range is { } range ? item[range.Name] : null);
    }

    private static readonly NullValue NoRange = new();

    private static readonly Comparer<AttributeValue> RangeOrder = Comparer<AttributeValue>.Create((a, b) => AttributeValue.Compare(a, b) ?? 0);
}
