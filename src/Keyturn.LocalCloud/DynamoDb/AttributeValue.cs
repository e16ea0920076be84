using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>A value of an attribute. Immutable and compared by content.</summary>
internal abstract record AttributeValue
{
    /// <summary>As in requests: S, N, B, SS, NS, BS, M, L, BOOL, NULL.</summary>
    public abstract string Type { get; }

    /// <summary>Bytes that it counts for in an item.</summary>
    public abstract int Size { get; }

    public JsonObject ToJson() => new() { [Type] = Content() };

    protected abstract JsonNode Content();

    /// <summary>Orders values of one type: strings and binaries by their bytes, numbers by value.</summary>
    public static int? Compare(AttributeValue left, AttributeValue right) => (left, right) switch
    {
        (StringValue a, StringValue b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes),
        (NumberValue a, NumberValue b) => a.Number.CompareTo(b.Number),
        (BinaryValue a, BinaryValue b) => a.Bytes.AsSpan().SequenceCompareTo(b.Bytes),
        _ => null,
    };
}

internal sealed record StringValue(string Text) : AttributeValue
{
    public override string Type => "S";

    public byte[] Bytes => Encoding.UTF8.GetBytes(Text);

    public override int Size => Encoding.UTF8.GetByteCount(Text);

    protected override JsonNode Content() => JsonValue.Create(Text);
}

internal sealed record NumberValue(DynamoNumber Number) : AttributeValue
{
    public override string Type => "N";

    public override int Size => (Number.Digits + 1) / 2 + 1;

    protected override JsonNode Content() => JsonValue.Create(Number.ToString());
}

/// <param name="Base64">In its canonical form, so that equal bytes are equal values.</param>
internal sealed record BinaryValue(string Base64) : AttributeValue
{
    public override string Type => "B";

    public byte[] Bytes => Convert.FromBase64String(Base64);

    public override int Size => Bytes.Length;

    protected override JsonNode Content() => JsonValue.Create(Base64);
}

internal sealed record BooleanValue(bool Value) : AttributeValue
{
    public override string Type => "BOOL";

    public override int Size => 1;

    protected override JsonNode Content() => JsonValue.Create(Value);
}

internal sealed record NullValue : AttributeValue
{
    public override string Type => "NULL";

    public override int Size => 1;

    protected override JsonNode Content() => JsonValue.Create(true);
}

/// <summary>A set of strings, numbers or binaries; not empty, in the order of insertion.</summary>
internal sealed record SetValue(ImmutableList<AttributeValue> Members) : AttributeValue
{
    public override string Type => Members[0].Type + "S";

    public override int Size => Members.Sum(m => m.Size);

    public bool Equals(SetValue? other) =>
        other is not null && Members.Count == other.Members.Count && Type == other.Type && Members.All(other.Members.Contains);

    public override int GetHashCode() => Members.Aggregate(0, (hash, m) => hash ^ m.GetHashCode());

    /// <summary>The values of the members without their type.</summary>
    protected override JsonNode Content() => new JsonArray([.. Members.Select(m => m.ToJson()[m.Type]!.DeepClone())]);
}

internal sealed record ListValue(ImmutableList<AttributeValue> Items) : AttributeValue
{
    public override string Type => "L";

    public override int Size => 3 + Items.Sum(i => i.Size + 1);

    public bool Equals(ListValue? other) => other is not null && Items.SequenceEqual(other.Items);

    public override int GetHashCode() => Items.Count;

    protected override JsonNode Content() => new JsonArray([.. Items.Select(i => i.ToJson())]);
}

/// <summary>A map; a whole item is one too.</summary>
internal sealed record MapValue(ImmutableDictionary<string, AttributeValue> Members) : AttributeValue
{
    public static MapValue Empty { get; } = new(ImmutableDictionary.Create<string, AttributeValue>(StringComparer.Ordinal));

    public override string Type => "M";

    public override int Size => 3 + Members.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + m.Value.Size + 1);

    /// <summary>As an item: names and values only.</summary>
    public int ItemSize => Members.Sum(m => Encoding.UTF8.GetByteCount(m.Key) + m.Value.Size);

    public AttributeValue? this[string name] => Members.GetValueOrDefault(name);

    public MapValue With(string name, AttributeValue value) => new(Members.SetItem(name, value));

    public JsonObject ToMembers() =>
        new(Members.OrderBy(m => m.Key, StringComparer.Ordinal).Select(m => KeyValuePair.Create(m.Key, (JsonNode?)m.Value.ToJson())));

    public bool Equals(MapValue? other) =>
        other is not null && Members.Count == other.Members.Count && Members.All(m => m.Value.Equals(other[m.Key]));

    public override int GetHashCode() => Members.Count;

    protected override JsonNode Content() => ToMembers();
}
