namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>A function of the SQL. With another number of arguments its value is Undefined, as on AWS.</summary>
internal sealed record SqlFunction(
    string Name, int MinArguments, int MaxArguments, Func<SqlMessage, IReadOnlyList<SqlValue>, SqlValue> Apply)
{
    public SqlValue Call(SqlEvaluator evaluator, IReadOnlyList<SqlExpression> arguments) =>
        arguments.Count < MinArguments || arguments.Count > MaxArguments
            ? SqlValue.Undefined
            : Name == "encode" && arguments[0] is SqlPayload
                ? SqlTextFunctions.EncodePayload(evaluator.Message, evaluator.Evaluate(arguments[1]))
                : Apply(evaluator.Message, [.. arguments.Select(evaluator.Evaluate)]);
}
