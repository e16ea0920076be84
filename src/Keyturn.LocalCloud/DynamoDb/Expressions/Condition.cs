namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>A condition or filter on one item; null stands for an item that does not exist.</summary>
internal abstract record Condition
{
    public abstract bool Holds(MapValue? item);
}

internal abstract record Operand
{
    /// <summary>Null when there is no such attribute.</summary>
    public abstract AttributeValue? Of(MapValue? item);
}

internal sealed record PathOperand(DocumentPath Path) : Operand
{
    public override AttributeValue? Of(MapValue? item) => Path.Find(item);

    public override string ToString() => Path.ToString();
}

internal sealed record ValueOperand(AttributeValue Value) : Operand
{
    public override AttributeValue? Of(MapValue? item) => Value;

    public override string ToString() => Value.ToJson().ToJsonString();
}

internal sealed record SizeOperand(DocumentPath Path) : Operand
{
    public override AttributeValue? Of(MapValue? item) => Path.Find(item) switch
    {
        StringValue s => Number(s.Size),
        BinaryValue b => Number(b.Size),
        SetValue s => Number(s.Members.Count),
        ListValue l => Number(l.Items.Count),
        MapValue m => Number(m.Members.Count),
        _ => null,
    };

    public override string ToString() => $"size({Path})";

    private static NumberValue Number(int value) => new(DynamoNumber.Of(value));
}

internal sealed record AndCondition(Condition Left, Condition Right) : Condition
{
    public override bool Holds(MapValue? item) => Left.Holds(item) && Right.Holds(item);
}

internal sealed record OrCondition(Condition Left, Condition Right) : Condition
{
    public override bool Holds(MapValue? item) => Left.Holds(item) || Right.Holds(item);
}

internal sealed record NotCondition(Condition Operand) : Condition
{
    public override bool Holds(MapValue? item) => !Operand.Holds(item);
}

/// <summary>Values of different types are unequal and have no order; an attribute that is absent differs from everything.</summary>
internal sealed record Comparison(string Operator, Operand Left, Operand Right) : Condition
{
    public override bool Holds(MapValue? item)
    {
        var (left, right) = (Left.Of(item), Right.Of(item));
        if (Operator == "<>")
            return left is null || right is null || !left.Equals(right);
        if (left is null || right is null)
            return false;
        if (Operator == "=")
            return left.Equals(right);
        return AttributeValue.Compare(left, right) is { } order && Operator switch
        {
            "<" => order < 0,
            "<=" => order <= 0,
            ">" => order > 0,
            _ => order >= 0,
        };
    }
}

internal sealed record BetweenCondition(Operand Value, Operand Low, Operand High) : Condition
{
    public override bool Holds(MapValue? item) =>
        new Comparison(">=", Value, Low).Holds(item) && new Comparison("<=", Value, High).Holds(item);
}

internal sealed record InCondition(Operand Value, IReadOnlyList<Operand> Among) : Condition
{
    public override bool Holds(MapValue? item) => Among.Any(a => new Comparison("=", Value, a).Holds(item));
}

internal sealed record ExistsCondition(DocumentPath Path, bool Expected) : Condition
{
    public override bool Holds(MapValue? item) => Path.Find(item) is not null == Expected;
}

internal sealed record TypeCondition(DocumentPath Path, string Type) : Condition
{
    public override bool Holds(MapValue? item) => Path.Find(item)?.Type == Type;
}

internal sealed record BeginsWithCondition(DocumentPath Path, Operand Prefix) : Condition
{
    public override bool Holds(MapValue? item) => (Path.Find(item), Prefix.Of(item)) switch
    {
        (StringValue value, StringValue prefix) => value.Text.StartsWith(prefix.Text, StringComparison.Ordinal),
        (BinaryValue value, BinaryValue prefix) => value.Bytes.AsSpan().StartsWith(prefix.Bytes),
        _ => false,
    };
}

internal sealed record ContainsCondition(DocumentPath Path, Operand Part) : Condition
{
    public override bool Holds(MapValue? item) => (Path.Find(item), Part.Of(item)) switch
    {
        (StringValue value, StringValue part) => value.Text.Contains(part.Text, StringComparison.Ordinal),
        (BinaryValue value, BinaryValue part) => value.Bytes.AsSpan().IndexOf(part.Bytes) >= 0,
        (SetValue set, { } member) => set.Members.Contains(member),
        (ListValue list, { } element) => list.Items.Contains(element),
        _ => false,
    };
}
