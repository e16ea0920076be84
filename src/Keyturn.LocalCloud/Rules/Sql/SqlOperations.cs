using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>The operators, by the tables of https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-operators.html.</summary>
internal static class SqlOperations
{
    public static SqlValue Apply(SqlOperator op, SqlValue left, SqlValue right) => op switch
    {
        SqlOperator.And => Logical(left, right, (a, b) => a && b),
        SqlOperator.Or => Logical(left, right, (a, b) => a || b),
        SqlOperator.Equal => SqlValue.OfBoolean(SqlValue.AreEqual(left, right)),
        SqlOperator.NotEqual => SqlValue.OfBoolean(!SqlValue.AreEqual(left, right)),
        SqlOperator.In => In(left, right),
        SqlOperator.Less => Compare(left, right, order => order < 0),
        SqlOperator.LessOrEqual => Compare(left, right, order => order <= 0),
        SqlOperator.Greater => Compare(left, right, order => order > 0),
        SqlOperator.GreaterOrEqual => Compare(left, right, order => order >= 0),
        SqlOperator.Add => Add(left, right),
        SqlOperator.Subtract => Calculate(left, right, (a, b) => a - b),
        SqlOperator.Multiply => Calculate(left, right, (a, b) => a * b),
        SqlOperator.Divide => Divide(left, right),
        _ => Calculate(left, right, (a, b) => a % b),
    };

    /// <summary>Undefined as soon as one side is: <c>x OR true</c> without x is not true.</summary>
    private static SqlValue Logical(SqlValue left, SqlValue right, Func<bool, bool, bool> apply) =>
        left.ToBoolean() is { } a && right.ToBoolean() is { } b ? SqlValue.Of(apply(a, b)) : SqlValue.Undefined;

    private static SqlValue Compare(SqlValue left, SqlValue right, Func<int, bool> holds) =>
        left.ToNumber() is { } a && right.ToNumber() is { } b ? SqlValue.Of(holds(a.CompareTo(b))) : SqlValue.Undefined;

    private static SqlValue In(SqlValue value, SqlValue among) =>
        !value.IsDefined || among.Node is not JsonArray items
            ? SqlValue.Undefined
            : SqlValue.Of(items.Any(i => SqlValue.AreEqual(value, SqlValue.Of(i)) == true));

    private static SqlValue Add(SqlValue left, SqlValue right) => left.IsText || right.IsText
        ? left.ToText() is { } a && right.ToText() is { } b ? SqlValue.Of(a + b) : SqlValue.Undefined
        : Calculate(left, right, (a, b) => a + b);

    private static SqlValue Divide(SqlValue left, SqlValue right)
    {
        var whole = left.Number is { } a && right.Number is { } b && decimal.IsInteger(a) && decimal.IsInteger(b);
        return Calculate(left, right, (x, y) => whole ? decimal.Truncate(x / y) : x / y);
    }

    public static SqlValue Calculate(SqlValue left, SqlValue right, Func<decimal, decimal, decimal> calculate)
    {
        if (left.ToNumber() is not { } a || right.ToNumber() is not { } b)
            return SqlValue.Undefined;
        try
        {
            return SqlValue.Of(calculate(a, b));
        }
        catch (ArithmeticException)
        {
            return SqlValue.Undefined;
        }
    }
}
