namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>
/// Reads <c>SELECT … FROM 'filter' WHERE …</c> of AWS IoT SQL, version 2016-03-23
/// (https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-reference.html).
/// </summary>
internal sealed partial class SqlParser
{
    private readonly string _sql;
    private readonly List<SqlToken> _tokens;
    private int _at;

    private SqlParser(string sql)
    {
        _sql = sql;
        _tokens = SqlLexer.Read(sql);
    }

    private SqlToken Current => _tokens[_at];

    public static SqlStatement Parse(string sql)
    {
        if (string.IsNullOrWhiteSpace(sql))
            throw new SqlParseException("The statement is empty: write SELECT columns FROM 'topic/filter'");
        var parser = new SqlParser(sql);
        var selection = parser.Selection();
        parser.Expect("FROM");
        var filter = parser.Filter();
        var where = parser.Take("WHERE") ? parser.Whole() : null;
        parser.ExpectEnd();
        return new SqlStatement(selection, filter, where);
    }

    /// <summary>One expression alone, as in a substitution template.</summary>
    public static SqlExpression ParseExpression(string text)
    {
        var parser = new SqlParser(text);
        var expression = parser.Whole();
        parser.ExpectEnd();
        return expression;
    }

    private SqlSelection Selection()
    {
        Expect("SELECT");
        // A column may itself be called "value": SELECT value FROM, SELECT value, x FROM.
        var isValue = Current.IsKeyword("VALUE") && !EndsColumn(_tokens[_at + 1]);
        if (isValue)
            _at++;
        var columns = new List<SqlColumn>();
        do
            columns.Add(Column());
        while (TakeSymbol(","));
        if (isValue && columns.Count > 1)
            throw new SqlParseException("SELECT VALUE takes one item only");
        return new SqlSelection(isValue, columns);
    }

    private static bool EndsColumn(SqlToken token) =>
        token.Kind == SqlTokenKind.End || token.IsSymbol(",") || token.IsSymbol(".") || token.IsKeyword("FROM") || token.IsKeyword("AS");

    private SqlColumn Column()
    {
        if (TakeSymbol("*"))
            return new SqlColumn(null, []);
        var start = Current.Position;
        var expression = Whole();
        var end = _tokens[_at - 1];
        if (Take("AS"))
            return new SqlColumn(expression, Alias());
        // Without AS a path is named by its last part, everything else by its own text.
        IReadOnlyList<string> name = expression switch
        {
            SqlName(var own) => [own],
            SqlMember(_, var last) => [last],
            _ => [_sql[start..EndOf(end)]],
        };
        return new SqlColumn(expression, name);
    }

    private int EndOf(SqlToken token)
    {
        var next = _tokens[_tokens.IndexOf(token) + 1].Position;
        while (next > token.Position && char.IsWhiteSpace(_sql[next - 1]))
            next--;
        return next;
    }

    private List<string> Alias()
    {
        var parts = new List<string>();
        do
        {
            parts.Add(Current.Kind is SqlTokenKind.Identifier or SqlTokenKind.Text && Current.Text.Length > 0
                ? Next().Text
                : throw Unexpected("a name after AS"));
        }
        while (TakeSymbol("."));
        return parts;
    }

    private string Filter()
    {
        if (Current.Kind != SqlTokenKind.Text)
            throw Unexpected("the topic filter of FROM in single quotes");
        var filter = Next().Text;
        return TopicFilter.FindFault(filter) is { } fault ? throw new SqlParseException(fault) : filter;
    }

    private SqlToken Next() => _tokens[_at++];

    private bool Take(string keyword)
    {
        if (!Current.IsKeyword(keyword))
            return false;
        _at++;
        return true;
    }

    private bool TakeSymbol(string symbol)
    {
        if (!Current.IsSymbol(symbol))
            return false;
        _at++;
        return true;
    }

    private void Expect(string keyword)
    {
        if (!Take(keyword))
            throw Unexpected(keyword);
    }

    private void ExpectSymbol(string symbol)
    {
        if (!TakeSymbol(symbol))
            throw Unexpected($"\"{symbol}\"");
    }

    private void ExpectEnd()
    {
        if (Current.Kind != SqlTokenKind.End)
            throw Unexpected("the end of the statement");
    }

    private SqlParseException Unexpected(string expected) =>
        new($"Expected {expected}, found {Current.Shown} at {Current.Position + 1}");
}
