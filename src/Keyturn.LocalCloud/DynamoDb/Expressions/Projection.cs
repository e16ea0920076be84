using System.Collections.Immutable;

namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>The parts of an item that a ProjectionExpression names.</summary>
internal sealed class Projection(IReadOnlyList<DocumentPath> paths)
{
    public static Projection Parse(string text, ExpressionContext context) => new Parser(text, context).Read();

    public static Projection OfAttributes(IEnumerable<string> names) => new([.. names.Select(n => new DocumentPath([new PathStep(n, 0)]))]);

    public MapValue Of(MapValue item) => (MapValue?)Keep(item, [.. paths.Select(p => p.Steps)]) ?? MapValue.Empty;

    /// <summary>Of a list the chosen items move together; a value without any chosen part is null.</summary>
    private static AttributeValue? Keep(AttributeValue from, IReadOnlyList<ImmutableArray<PathStep>> chosen)
    {
        if (chosen.Any(c => c.IsEmpty))
            return from;
        var groups = chosen.GroupBy(c => c[0], c => c.RemoveAt(0));
        switch (from)
        {
            case MapValue map:
                var members = groups.Where(g => g.Key.Name is not null && map[g.Key.Name] is not null)
                    .Select(g => (g.Key.Name, Value: Keep(map[g.Key.Name!]!, [.. g]))).Where(m => m.Value is not null).ToList();
                return members.Count == 0 ? null : members.Aggregate(MapValue.Empty, (kept, m) => kept.With(m.Name!, m.Value!));
            case ListValue list:
                var items = groups.Where(g => g.Key.Name is null && g.Key.Index < list.Items.Count).OrderBy(g => g.Key.Index)
                    .Select(g => Keep(list.Items[g.Key.Index], [.. g])).OfType<AttributeValue>().ToImmutableList();
                return items.IsEmpty ? null : new ListValue(items);
            default:
                return null;
        }
    }

    private sealed class Parser(string text, ExpressionContext context) : ExpressionParser("ProjectionExpression", text, context)
    {
        public Projection Read()
        {
            var paths = new List<DocumentPath>();
            do
            {
                var path = Path();
                if (paths.Find(path.Overlaps) is { } other)
                    throw Invalid($"Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {other}, path two: {path}");
                if (paths.Find(path.Conflicts) is { } opposite)
                    throw Invalid($"Two document paths conflict with each other; must remove or rewrite one of these paths; path one: {opposite}, path two: {path}");
                paths.Add(path);
            }
            while (Take(","));
            ExpectEnd();
            return new Projection(paths);
        }
    }
}
