using System.Collections.Immutable;
using System.Globalization;

namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>One step into a document: a member's name, or an index of a list.</summary>
internal readonly record struct PathStep(string? Name, int Index)
{
    public override string ToString() => Name ?? $"[{Index.ToString(CultureInfo.InvariantCulture)}]";
}

/// <summary>Where in an item a value is.</summary>
internal sealed record DocumentPath(ImmutableArray<PathStep> Steps)
{
    public string Top => Steps[0].Name!;

    public bool IsTop => Steps.Length == 1;

    public bool Equals(DocumentPath? other) => other is not null && Steps.SequenceEqual(other.Steps);

    public override int GetHashCode() => Steps.Length;

    public override string ToString() => $"[{string.Join(", ", Steps)}]";

    public AttributeValue? Find(AttributeValue? from)
    {
        foreach (var step in Steps)
        {
            from = (step.Name, from) switch
            {
                ({ } name, MapValue map) => map[name],
                (null, ListValue list) when step.Index < list.Items.Count => list.Items[step.Index],
                _ => null,
            };
        }

        return from;
    }

    /// <summary>One is the other or lies within it.</summary>
    public bool Overlaps(DocumentPath other)
    {
        var common = Math.Min(Steps.Length, other.Steps.Length);
        return Steps.Take(common).SequenceEqual(other.Steps.Take(common));
    }

    /// <summary>One treats as a map what the other treats as a list.</summary>
    public bool Conflicts(DocumentPath other)
    {
        for (var i = 0; i < Math.Min(Steps.Length, other.Steps.Length); i++)
        {
            if (Steps[i] != other.Steps[i])
                return Steps[i].Name is null != other.Steps[i].Name is null;
        }

        return false;
    }
}
