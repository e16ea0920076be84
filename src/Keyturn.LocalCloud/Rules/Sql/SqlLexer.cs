using System.Text;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>Cuts a statement into tokens.</summary>
internal static class SqlLexer
{
    private static readonly string[] Symbols = ["<>", "<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{", "}", ",", ".", ":"];

    public static List<SqlToken> Read(string sql)
    {
        var tokens = new List<SqlToken>();
        var at = 0;
        while (at < sql.Length)
        {
            var c = sql[at];
            if (char.IsWhiteSpace(c))
                at++;
            else if (c is '\'' or '"')
                tokens.Add(Text(sql, ref at));
            else if (char.IsAsciiDigit(c))
                tokens.Add(Number(sql, ref at));
            else if (IsNameStart(c))
                tokens.Add(Name(sql, ref at));
            else
                tokens.Add(Symbol(sql, ref at));
        }

        tokens.Add(new SqlToken(SqlTokenKind.End, "", sql.Length));
        return tokens;
    }

    private static bool IsNameStart(char c) => char.IsLetter(c) || c is '_' or '$';

    private static SqlToken Name(string sql, ref int at)
    {
        var start = at;
        while (at < sql.Length && (IsNameStart(sql[at]) || char.IsAsciiDigit(sql[at])))
            at++;
        return new(SqlTokenKind.Identifier, sql[start..at], start);
    }

    private static SqlToken Number(string sql, ref int at)
    {
        var start = at;
        Digits(sql, ref at);
        if (at + 1 < sql.Length && sql[at] == '.' && char.IsAsciiDigit(sql[at + 1]))
        {
            at++;
            Digits(sql, ref at);
        }

        if (at < sql.Length && sql[at] is 'e' or 'E')
        {
            var exponent = at + 1;
            if (exponent < sql.Length && sql[exponent] is '+' or '-')
                exponent++;
            if (exponent < sql.Length && char.IsAsciiDigit(sql[exponent]))
            {
                at = exponent;
                Digits(sql, ref at);
            }
        }

        if (at < sql.Length && IsNameStart(sql[at]))
            throw new SqlParseException($"A number can't go on with \"{sql[at]}\" at {at + 1}");
        return new(SqlTokenKind.Number, sql[start..at], start);
    }

    private static void Digits(string sql, ref int at)
    {
        while (at < sql.Length && char.IsAsciiDigit(sql[at]))
            at++;
    }

    /// <summary>A doubled quote stands for one.</summary>
    private static SqlToken Text(string sql, ref int at)
    {
        var start = at;
        var quote = sql[at++];
        var text = new StringBuilder();
        while (at < sql.Length)
        {
            if (sql[at] != quote)
            {
                text.Append(sql[at++]);
            }
            else if (at + 1 < sql.Length && sql[at + 1] == quote)
            {
                text.Append(quote);
                at += 2;
            }
            else
            {
                at++;
                return new(SqlTokenKind.Text, text.ToString(), start);
            }
        }

        throw new SqlParseException($"The text that begins at {start + 1} has no closing {quote}");
    }

    private static SqlToken Symbol(string sql, ref int at)
    {
        foreach (var symbol in Symbols)
        {
            if (string.CompareOrdinal(sql, at, symbol, 0, symbol.Length) == 0)
            {
                at += symbol.Length;
                return new(SqlTokenKind.Symbol, symbol, at - symbol.Length);
            }
        }

        throw new SqlParseException($"Unexpected character \"{sql[at]}\" at {at + 1}");
    }
}
