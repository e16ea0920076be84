using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>What a KeyConditionExpression may say: the hash key's value, and at most one condition on the range key.</summary>
internal sealed record KeyCondition(AttributeValue Hash, Condition? Range)
{
    public static KeyCondition Of(Condition condition, KeySchema key)
    {
        AttributeValue? hash = null;
        Condition? range = null;
        foreach (var part in Parts(condition))
        {
            var (path, operands) = Read(part);
            if (!path.IsTop || key.Attributes.FirstOrDefault(a => a.Name == path.Top) is not { } attribute)
                throw Missed(key, hash is null ? key.Hash : key.Range);
            if (operands.FirstOrDefault(o => o.Type != attribute.Type) is not null)
                throw DynamoDbErrors.Invalid("Condition parameter type does not match schema type");
            if (attribute == key.Hash)
            {
                if (part is not Comparison { Operator: "=" })
                    throw DynamoDbErrors.Validation("Query key condition not supported");
                if (hash is not null)
                    throw Twice();
                hash = operands[0];
            }
            else
            {
                if (range is not null)
                    throw Twice();
                range = part;
            }
        }

        if (hash is null)
            throw Missed(key, key.Hash);
        return hash.Size == 0
            ? throw DynamoDbErrors.Validation($"One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {key.Hash.Name}")
            : new KeyCondition(hash, range);
    }

    private static IEnumerable<Condition> Parts(Condition condition) => condition switch
    {
        AndCondition both => Parts(both.Left).Concat(Parts(both.Right)),
        OrCondition => throw Operator("OR"),
        NotCondition => throw Operator("NOT"),
        _ => [condition],
    };

    private static (DocumentPath Path, IReadOnlyList<AttributeValue> Operands) Read(Condition part) => part switch
    {
        Comparison { Operator: "<>" } => throw Operator("<>"),
        Comparison { Left: PathOperand path, Right: ValueOperand value } => (path.Path, [value.Value]),
        BetweenCondition { Value: PathOperand path, Low: ValueOperand low, High: ValueOperand high } => (path.Path, [low.Value, high.Value]),
        BeginsWithCondition { Prefix: ValueOperand prefix } begins => (begins.Path, [prefix.Value]),
        InCondition => throw Operator("IN"),
        _ => throw DynamoDbErrors.Validation("Invalid KeyConditionExpression: The expression compares keys with something other than values;"),
    };

    private static Api.ApiException Operator(string name) =>
        DynamoDbErrors.Validation($"Invalid operator used in KeyConditionExpression: {name}");

    private static Api.ApiException Twice() =>
        DynamoDbErrors.Validation("Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key");

    private static Api.ApiException Missed(KeySchema key, KeyAttribute? attribute) =>
        DynamoDbErrors.Validation($"Query condition missed key schema element: {(attribute ?? key.Hash).Name}");
}
