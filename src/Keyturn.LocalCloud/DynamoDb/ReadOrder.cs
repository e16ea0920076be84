namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>The order in which a Query or Scan meets items; a start key is compared with it as an item is.</summary>
/// <param name="isQuery">All items have the same hash key then.</param>
internal sealed class ReadOrder(Table table, SecondaryIndex? index, bool isQuery) : IComparer<MapValue>
{
    private readonly KeySchema _key = index?.Key ?? table.Schema.Key;

    /// <summary>The attributes of LastEvaluatedKey.</summary>
    public IReadOnlyList<KeyAttribute> Attributes { get; } = [.. table.Schema.Key.Attributes.Union(index?.Key.Attributes ?? [])];

    public MapValue KeyOf(MapValue item) => Attributes.Aggregate(MapValue.Empty, (key, a) => key.With(a.Name, item[a.Name]!));

    public int Compare(MapValue? x, MapValue? y)
    {
        var order = isQuery ? 0 : Scattered(x!, y!, _key.Hash);
        if (order == 0)
            order = Ranged(x!, y!, _key.Range);
        if (order == 0 && index is not null)
            order = Scattered(x!, y!, table.Schema.Key.Hash);
        return order == 0 && index is not null ? Ranged(x!, y!, table.Schema.Key.Range) : order;
    }

    private static int Scattered(MapValue x, MapValue y, KeyAttribute key) =>
        string.CompareOrdinal(Table.Scatter(x[key.Name]!), Table.Scatter(y[key.Name]!));

    private static int Ranged(MapValue x, MapValue y, KeyAttribute? key) =>
        key is null ? 0 : AttributeValue.Compare(x[key.Name]!, y[key.Name]!) ?? 0;
}
