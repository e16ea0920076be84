using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>Evaluates expressions for one message. Nothing here fails: what can't be computed is Undefined.</summary>
internal sealed class SqlEvaluator
{
    private readonly SqlValue _scope;

    public SqlEvaluator(SqlMessage message)
        : this(message, message.Json)
    {
    }

    private SqlEvaluator(SqlMessage message, SqlValue scope) => (Message, _scope) = (message, scope);

    public SqlMessage Message { get; }

    /// <summary>What the actions get; null when WHERE is not true.</summary>
    public ReadOnlyMemory<byte>? Run(SqlStatement statement)
    {
        if (statement.Where is { } where && Evaluate(where).ToBoolean() != true)
            return null;
        // SELECT * alone hands on a payload that is not JSON as the bytes that it is.
        if (statement.Selection.Columns is [{ Expression: null }] && !Message.Json.IsDefined)
            return Message.Payload;
        var result = Select(statement.Selection);
        return result.IsDefined ? Encoding.UTF8.GetBytes(result.Node?.ToJsonString() ?? "null") : ReadOnlyMemory<byte>.Empty;
    }

    public SqlValue Evaluate(SqlExpression expression) => expression switch
    {
        SqlLiteral literal => literal.Value,
        SqlName name => Member(_scope, name.Name),
        SqlMember member => Member(Evaluate(member.Of), member.Name),
        SqlIndex index => Item(Evaluate(index.Of), Evaluate(index.Index)),
        SqlPayload => _scope,
        SqlCall call => call.Function.Call(this, call.Arguments),
        SqlCast cast => Cast(Evaluate(cast.Value), cast.Type),
        SqlNot not => SqlValue.OfBoolean(!Evaluate(not.Operand).ToBoolean()),
        SqlNegate negate => SqlValue.OfNumber(-Evaluate(negate.Operand).ToNumber()),
        SqlBinary binary => SqlOperations.Apply(binary.Operator, Evaluate(binary.Left), Evaluate(binary.Right)),
        SqlCase choice => Choose(choice),
        SqlArray array => SqlValue.Of(new JsonArray([.. array.Items.Select(Evaluate).Where(v => v.IsDefined).Select(v => v.Node?.DeepClone())])),
        SqlObject literal => Build(literal),
        SqlQuery query => Query(query),
        _ => throw new InvalidOperationException($"No evaluation of {expression.GetType().Name}"),
    };

    private SqlValue Select(SqlSelection selection)
    {
        if (selection.IsValue)
            return selection.Columns[0].Expression is { } only ? Evaluate(only) : _scope;
        var result = new JsonObject();
        foreach (var column in selection.Columns)
        {
            if (column.Expression is null)
            {
                if (_scope.Node is not JsonObject all)
                    continue;
                foreach (var (name, value) in all)
                    result[name] = value?.DeepClone();
            }
            else if (Evaluate(column.Expression) is { IsDefined: true } value)
            {
                Place(result, column.Name, value.Node?.DeepClone());
            }
        }

        // SELECT * of a payload that is JSON but no object is that payload.
        return selection.Columns is [{ Expression: null }] && _scope.Node is not JsonObject ? _scope : SqlValue.Of(result);
    }

    private static void Place(JsonObject into, IReadOnlyList<string> path, JsonNode? value)
    {
        foreach (var part in path.Take(path.Count - 1))
        {
            if (into[part] is not JsonObject inner)
                into[part] = inner = [];
            into = inner;
        }

        into[path[^1]] = value;
    }

    private static SqlValue Member(SqlValue of, string name) =>
        of.Node is JsonObject members && members.TryGetPropertyValue(name, out var value) ? SqlValue.Of(value) : SqlValue.Undefined;

    /// <summary>As the function <c>get</c>.</summary>
    public static SqlValue Item(SqlValue of, SqlValue key)
    {
        if (of.Node is JsonObject)
            return key.IsText ? Member(of, key.ToText()!) : SqlValue.Undefined;
        if (key.ToInt() is not { } index || index < 0)
            return SqlValue.Undefined;
        if (of.Node is JsonArray items)
            return index < items.Count ? SqlValue.Of(items[(int)index]) : SqlValue.Undefined;
        return of.IsText && of.ToText() is { } text && index < text.Length ? SqlValue.Of(text[(int)index].ToString()) : SqlValue.Undefined;
    }

    private static SqlValue Cast(SqlValue value, SqlType type)
    {
        decimal? number = value.Kind switch
        {
            System.Text.Json.JsonValueKind.True => 1,
            System.Text.Json.JsonValueKind.False => 0,
            _ => value.ToNumber(),
        };
        return type switch
        {
            SqlType.String => SqlValue.OfText(value.ToText()),
            SqlType.Int => SqlValue.OfNumber(number is { } known ? decimal.Floor(known) : null),
            SqlType.Decimal => SqlValue.OfNumber(number),
            _ => SqlValue.OfBoolean(value.Number is { } flag ? flag != 0 : value.ToBoolean()),
        };
    }

    private SqlValue Choose(SqlCase choice)
    {
        var of = Evaluate(choice.Of);
        if (!of.IsDefined)
            return SqlValue.Undefined;
        foreach (var (when, then) in choice.Branches)
        {
            if (SqlValue.AreEqual(of, Evaluate(when)) == true)
                return Evaluate(then);
        }

        return choice.Else is null ? SqlValue.Undefined : Evaluate(choice.Else);
    }

    private SqlValue Build(SqlObject literal)
    {
        var built = new JsonObject();
        foreach (var (name, expression) in literal.Members)
        {
            if (Evaluate(expression) is { IsDefined: true } value)
                built[name] = value.Node?.DeepClone();
        }

        return SqlValue.Of(built);
    }

    private SqlValue Query(SqlQuery query)
    {
        var from = Evaluate(query.From);
        if (from.Node is not JsonArray items)
            return from.Node is JsonObject ? One(from) : SqlValue.Undefined;
        return SqlValue.Of(new JsonArray([.. items.Select(i => One(SqlValue.Of(i))).Where(v => v.IsDefined).Select(v => v.Node?.DeepClone())]));

        SqlValue One(SqlValue scope)
        {
            var inner = new SqlEvaluator(Message, scope);
            return query.Where is { } where && inner.Evaluate(where).ToBoolean() != true ? SqlValue.Undefined : inner.Select(query.Selection);
        }
    }
}
