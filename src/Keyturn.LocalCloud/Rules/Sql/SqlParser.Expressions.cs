using System.Globalization;

namespace Keyturn.LocalCloud.Rules.Sql;

internal sealed partial class SqlParser
{
    /// <summary>Bounds the recursion here and in the evaluator; no rule in use comes near.</summary>
    private const int MaxDepth = 256;

    private static readonly string[] Reserved = ["SELECT", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "WHEN", "THEN", "ELSE", "END"];

    private static readonly Dictionary<string, SqlOperator> Comparisons = new()
    {
        ["="] = SqlOperator.Equal,
        ["<>"] = SqlOperator.NotEqual,
        ["!="] = SqlOperator.NotEqual,
        ["<"] = SqlOperator.Less,
        ["<="] = SqlOperator.LessOrEqual,
        [">"] = SqlOperator.Greater,
        [">="] = SqlOperator.GreaterOrEqual,
    };

    private static readonly Dictionary<string, SqlOperator> Sums = new() { ["+"] = SqlOperator.Add, ["-"] = SqlOperator.Subtract };

    private static readonly Dictionary<string, SqlOperator> Products = new()
    {
        ["*"] = SqlOperator.Multiply,
        ["/"] = SqlOperator.Divide,
        ["%"] = SqlOperator.Remainder,
    };

    private int _depth;

    private SqlExpression Whole()
    {
        var before = _depth;
        Deepen();
        var left = Conjunction();
        while (Take("OR"))
        {
            Deepen();
            left = new SqlBinary(SqlOperator.Or, left, Conjunction());
        }

        _depth = before;
        return left;
    }

    private SqlExpression Conjunction()
    {
        var left = Negation();
        while (Take("AND"))
        {
            Deepen();
            left = new SqlBinary(SqlOperator.And, left, Negation());
        }

        return left;
    }

    private SqlExpression Negation()
    {
        if (!Take("NOT"))
            return Comparison();
        Deepen();
        return new SqlNot(Negation());
    }

    private SqlExpression Comparison()
    {
        var left = Chain(Sums, () => Chain(Products, Unary));
        while (true)
        {
            SqlOperator found;
            if (Current.Kind == SqlTokenKind.Symbol && Comparisons.TryGetValue(Current.Text, out var comparison))
                found = comparison;
            else if (Current.IsKeyword("IN"))
                found = SqlOperator.In;
            else
                return left;
            _at++;
            Deepen();
            left = new SqlBinary(found, left, Chain(Sums, () => Chain(Products, Unary)));
        }
    }

    private SqlExpression Chain(Dictionary<string, SqlOperator> operators, Func<SqlExpression> operand)
    {
        var left = operand();
        while (Current.Kind == SqlTokenKind.Symbol && operators.TryGetValue(Current.Text, out var found))
        {
            _at++;
            Deepen();
            left = new SqlBinary(found, left, operand());
        }

        return left;
    }

    private SqlExpression Unary()
    {
        if (!Current.IsSymbol("-") && !Current.IsSymbol("+"))
            return Postfix(Primary());
        Deepen();
        if (Next().Text == "+")
            return Unary();
        var operand = Unary();
        return operand is SqlLiteral { Value.Number: { } number } ? new SqlLiteral(SqlValue.Of(-number)) : new SqlNegate(operand);
    }

    private SqlExpression Postfix(SqlExpression of)
    {
        while (true)
        {
            if (TakeSymbol("."))
            {
                of = new SqlMember(of, Current.Kind is SqlTokenKind.Identifier or SqlTokenKind.Text ? Next().Text : throw Unexpected("a name after \".\""));
            }
            else if (TakeSymbol("["))
            {
                of = new SqlIndex(of, Whole());
                ExpectSymbol("]");
            }
            else
            {
                return of;
            }

            Deepen();
        }
    }

    private SqlExpression Primary()
    {
        switch (Current.Kind)
        {
            case SqlTokenKind.Text:
                return new SqlLiteral(SqlValue.Of(Next().Text));
            case SqlTokenKind.Number:
                return decimal.TryParse(Current.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                    ? new SqlLiteral(SqlValue.Of(Take(number)))
                    : throw new SqlParseException($"The number {Current.Text} at {Current.Position + 1} is too large");
            case SqlTokenKind.Identifier:
                return Word();
            case SqlTokenKind.Symbol when TakeSymbol("("):
                var inner = Current.IsKeyword("SELECT") ? Query() : Whole();
                ExpectSymbol(")");
                return inner;
            case SqlTokenKind.Symbol when TakeSymbol("["):
                return new SqlArray(List("]", Whole));
            case SqlTokenKind.Symbol when TakeSymbol("{"):
                return new SqlObject(List("}", Member));
            default:
                throw Unexpected("an expression");
        }
    }

    private T Take<T>(T value)
    {
        _at++;
        return value;
    }

    private (string, SqlExpression) Member()
    {
        var name = Current.Kind is SqlTokenKind.Text ? Next().Text : throw Unexpected("a member's name in quotes");
        ExpectSymbol(":");
        return (name, Whole());
    }

    private SqlExpression Word()
    {
        if (Current.IsKeyword("CASE"))
            return Case();
        if (Reserved.Any(Current.IsKeyword))
            throw Unexpected("an expression");
        var word = Next();
        if (TakeSymbol("("))
            return Call(word);
        if (word.IsKeyword("true"))
            return new SqlLiteral(SqlValue.Of(true));
        if (word.IsKeyword("false"))
            return new SqlLiteral(SqlValue.Of(false));
        if (word.IsKeyword("null"))
            return new SqlLiteral(SqlValue.Null);
        return word.IsKeyword("undefined") ? new SqlLiteral(SqlValue.Undefined) : new SqlName(word.Text);
    }

    private SqlExpression Call(SqlToken name)
    {
        if (name.IsKeyword("cast"))
            return Cast();
        var function = SqlFunctions.Find(name.Text)
            ?? throw new SqlParseException($"Unknown function {name.Text} at {name.Position + 1}");
        return new SqlCall(function, List(")", () => TakeSymbol("*") ? new SqlPayload() : Whole()));
    }

    private SqlCast Cast()
    {
        var value = Whole();
        Expect("AS");
        var type = Current.Kind == SqlTokenKind.Identifier ? Next() : throw Unexpected("a type");
        var known = type.Text.ToLowerInvariant() switch
        {
            "string" or "nvarchar" or "text" or "ntext" or "varchar" => SqlType.String,
            "int" or "integer" => SqlType.Int,
            "double" or "decimal" => SqlType.Decimal,
            "bool" or "boolean" => SqlType.Boolean,
            _ => throw new SqlParseException($"Unknown type {type.Text} at {type.Position + 1}"),
        };
        ExpectSymbol(")");
        return new SqlCast(value, known);
    }

    private SqlCase Case()
    {
        Expect("CASE");
        var of = Whole();
        var branches = new List<(SqlExpression, SqlExpression)>();
        while (Take("WHEN"))
        {
            var when = Whole();
            Expect("THEN");
            branches.Add((when, Whole()));
        }

        if (branches.Count == 0)
            throw Unexpected("WHEN");
        var otherwise = Take("ELSE") ? Whole() : null;
        Expect("END");
        return new SqlCase(of, branches, otherwise);
    }

    private SqlQuery Query()
    {
        Deepen();
        var selection = Selection();
        Expect("FROM");
        var from = Postfix(Primary());
        return new SqlQuery(selection, from, Take("WHERE") ? Whole() : null);
    }

    private List<T> List<T>(string close, Func<T> item)
    {
        var items = new List<T>();
        if (TakeSymbol(close))
            return items;
        do
            items.Add(item());
        while (TakeSymbol(","));
        ExpectSymbol(close);
        return items;
    }

    private void Deepen()
    {
        if (++_depth > MaxDepth)
            throw new SqlParseException($"The expression is too deep at {Current.Position + 1}");
    }
}
