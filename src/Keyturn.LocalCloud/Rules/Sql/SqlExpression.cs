namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>The statement as parsed.</summary>
/// <param name="Filter">Of FROM.</param>
internal sealed record SqlStatement(SqlSelection Selection, string Filter, SqlExpression? Where);

/// <param name="IsValue">SELECT VALUE: the result is the one column's value, not an object.</param>
internal sealed record SqlSelection(bool IsValue, IReadOnlyList<SqlColumn> Columns);

/// <param name="Expression">Null for <c>*</c>.</param>
/// <param name="Name">Where the value goes in the result; more than one part nests.</param>
internal sealed record SqlColumn(SqlExpression? Expression, IReadOnlyList<string> Name);

internal abstract record SqlExpression;

internal sealed record SqlLiteral(SqlValue Value) : SqlExpression;

/// <summary>A name of the message's top level.</summary>
internal sealed record SqlName(string Name) : SqlExpression;

internal sealed record SqlMember(SqlExpression Of, string Name) : SqlExpression;

internal sealed record SqlIndex(SqlExpression Of, SqlExpression Index) : SqlExpression;

/// <summary><c>*</c> as an argument: the whole payload, JSON or not.</summary>
internal sealed record SqlPayload : SqlExpression;

internal sealed record SqlCall(SqlFunction Function, IReadOnlyList<SqlExpression> Arguments) : SqlExpression;

internal sealed record SqlCast(SqlExpression Value, SqlType Type) : SqlExpression;

internal sealed record SqlNot(SqlExpression Operand) : SqlExpression;

internal sealed record SqlNegate(SqlExpression Operand) : SqlExpression;

internal sealed record SqlBinary(SqlOperator Operator, SqlExpression Left, SqlExpression Right) : SqlExpression;

internal sealed record SqlCase(SqlExpression Of, IReadOnlyList<(SqlExpression When, SqlExpression Then)> Branches, SqlExpression? Else) : SqlExpression;

internal sealed record SqlArray(IReadOnlyList<SqlExpression> Items) : SqlExpression;

internal sealed record SqlObject(IReadOnlyList<(string Name, SqlExpression Value)> Members) : SqlExpression;

/// <summary>A nested query over an array's items, or over one object.</summary>
internal sealed record SqlQuery(SqlSelection Selection, SqlExpression From, SqlExpression? Where) : SqlExpression;

internal enum SqlType
{
    String,
    Int,
    Decimal,
    Boolean,
}

internal enum SqlOperator
{
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
