namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>The changes of an UpdateExpression. All of them read the item as it was before.</summary>
internal sealed record UpdateExpression(IReadOnlyList<UpdateAction> Actions)
{
    public IEnumerable<DocumentPath> Paths => Actions.Select(a => a.Path);

    public MapValue Apply(MapValue item)
    {
        var changed = item;
        foreach (var action in Actions.Where(a => a is not RemoveAction))
            changed = action.Apply(item, changed);
        // From the back, so that removing one item of a list does not move the next one to remove.
        foreach (var remove in Actions.OfType<RemoveAction>().OrderByDescending(r => r.Path.Steps[^1].Index))
            changed = remove.Apply(item, changed);
        return changed;
    }
}

internal abstract record UpdateAction(DocumentPath Path)
{
    /// <param name="before">What values are read from.</param>
    public abstract MapValue Apply(MapValue before, MapValue changed);

    /// <summary>A copy with the value at the path; null removes it.</summary>
    protected static AttributeValue Place(AttributeValue? into, ReadOnlySpan<PathStep> steps, AttributeValue? value)
    {
        var step = steps[0];
        switch (into)
        {
            case MapValue map when step.Name is { } name:
                if (steps.Length > 1)
                    return map.With(name, Place(map[name], steps[1..], value));
                return value is null ? new MapValue(map.Members.Remove(name)) : map.With(name, value);
            case ListValue list when step.Name is null:
                var index = step.Index;
                if (steps.Length > 1)
                    return index < list.Items.Count ? new ListValue(list.Items.SetItem(index, Place(list.Items[index], steps[1..], value))) : throw Unreachable();
                if (index >= list.Items.Count)
                    return value is null ? list : new ListValue(list.Items.Add(value));
                return new ListValue(value is null ? list.Items.RemoveAt(index) : list.Items.SetItem(index, value));
            default:
                throw Unreachable();
        }
    }

    protected static Api.ApiException WrongOperand() =>
        DynamoDbErrors.Validation("An operand in the update expression has an incorrect data type");

    private static Api.ApiException Unreachable() =>
        DynamoDbErrors.Validation("The document path provided in the update expression is invalid for update");
}

internal sealed record SetAction(DocumentPath Path, UpdateValue Value) : UpdateAction(Path)
{
    public override MapValue Apply(MapValue before, MapValue changed) =>
        (MapValue)Place(changed, Path.Steps.AsSpan(), Value.Of(before));
}

internal sealed record RemoveAction(DocumentPath Path) : UpdateAction(Path)
{
    public override MapValue Apply(MapValue before, MapValue changed) => (MapValue)Place(changed, Path.Steps.AsSpan(), null);
}

/// <summary>Adds to a number, or members to a set; what is absent begins as zero, or as the empty set.</summary>
internal sealed record AddAction(DocumentPath Path, AttributeValue Value) : UpdateAction(Path)
{
    public override MapValue Apply(MapValue before, MapValue changed) => (MapValue)Place(changed, Path.Steps.AsSpan(), (Path.Find(before), Value) switch
    {
        (null, _) => Value,
        (NumberValue old, NumberValue more) => new NumberValue(old.Number + more.Number),
        (SetValue old, SetValue more) when old.Type == more.Type => new SetValue(old.Members.AddRange(more.Members.Except(old.Members))),
        _ => throw WrongOperand(),
    });
}

/// <summary>Takes members out of a set; an empty set is removed.</summary>
internal sealed record DeleteAction(DocumentPath Path, SetValue Value) : UpdateAction(Path)
{
    public override MapValue Apply(MapValue before, MapValue changed)
    {
        switch (Path.Find(before))
        {
            case null:
                return changed;
            case SetValue old when old.Type == Value.Type:
                var left = old.Members.RemoveRange(Value.Members);
                return (MapValue)Place(changed, Path.Steps.AsSpan(), left.IsEmpty ? null : new SetValue(left));
            default:
                throw WrongOperand();
        }
    }
}

/// <summary>The right side of SET.</summary>
internal abstract record UpdateValue
{
    /// <summary>Null only for an attribute that is absent.</summary>
    public abstract AttributeValue? Find(MapValue item);

    public AttributeValue Of(MapValue item) => Find(item)
        ?? throw DynamoDbErrors.Validation("The provided expression refers to an attribute that does not exist in the item");
}

internal sealed record PlainValue(Operand Operand) : UpdateValue
{
    public override AttributeValue? Find(MapValue item) => Operand.Of(item);
}

internal sealed record IfNotExists(DocumentPath Path, UpdateValue Otherwise) : UpdateValue
{
    public override AttributeValue? Find(MapValue item) => Path.Find(item) ?? Otherwise.Find(item);
}

internal sealed record ListAppend(UpdateValue First, UpdateValue Second) : UpdateValue
{
    public override AttributeValue? Find(MapValue item) => (First.Of(item), Second.Of(item)) switch
    {
        (ListValue first, ListValue second) => new ListValue(first.Items.AddRange(second.Items)),
        _ => throw DynamoDbErrors.Validation("An operand in the update expression has an incorrect data type"),
    };
}

internal sealed record Sum(UpdateValue Left, UpdateValue Right, bool IsDifference) : UpdateValue
{
    public override AttributeValue? Find(MapValue item) => (Left.Of(item), Right.Of(item)) switch
    {
        (NumberValue left, NumberValue right) => new NumberValue(IsDifference ? left.Number - right.Number : left.Number + right.Number),
        _ => throw DynamoDbErrors.Validation("An operand in the update expression has an incorrect data type"),
    };
}
