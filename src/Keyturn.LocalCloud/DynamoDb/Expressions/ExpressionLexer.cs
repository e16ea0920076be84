namespace Keyturn.LocalCloud.DynamoDb.Expressions;

internal enum ExpressionTokenKind
{
    Word,
    NameReference,
    ValueReference,
    Number,
    Symbol,
    End,
}

internal readonly record struct ExpressionToken(ExpressionTokenKind Kind, string Text, int Position)
{
    public bool Is(string text) => Kind == ExpressionTokenKind.Symbol && Text == text;

    public bool IsKeyword(string word) => Kind == ExpressionTokenKind.Word && string.Equals(Text, word, StringComparison.OrdinalIgnoreCase);
}

/// <summary>Cuts an expression of DynamoDB into tokens.</summary>
internal static class ExpressionLexer
{
    private static readonly string[] Symbols = ["<>", "<=", ">=", "<", ">", "=", "+", "-", "(", ")", "[", "]", ",", "."];

    /// <returns>Null in place of the tokens, with the character's position, when a character belongs to no token.</returns>
    public static (List<ExpressionToken>? Tokens, int BadAt) Read(string text)
    {
        var tokens = new List<ExpressionToken>();
        var at = 0;
        while (at < text.Length)
        {
            var start = at;
            var c = text[at];
            if (char.IsWhiteSpace(c))
            {
                at++;
                continue;
            }

            if (c is '#' or ':' || char.IsAsciiLetter(c) || c == '_')
            {
                at = EndOfWord(text, at + 1);
                var kind = c switch
                {
                    '#' => ExpressionTokenKind.NameReference,
                    ':' => ExpressionTokenKind.ValueReference,
                    _ => ExpressionTokenKind.Word,
                };
                if (kind != ExpressionTokenKind.Word && at == start + 1)
                    return (null, start);
                tokens.Add(new(kind, text[start..at], start));
            }
            else if (char.IsAsciiDigit(c))
            {
                at = EndOfWord(text, at);
                if (text.AsSpan(start, at - start).ContainsAnyExceptInRange('0', '9'))
                    return (null, start);
                tokens.Add(new(ExpressionTokenKind.Number, text[start..at], start));
            }
            else if (Array.Find(Symbols, s => string.CompareOrdinal(text, start, s, 0, s.Length) == 0) is { } symbol)
            {
                at += symbol.Length;
                tokens.Add(new(ExpressionTokenKind.Symbol, symbol, start));
            }
            else
            {
                return (null, start);
            }
        }

        tokens.Add(new(ExpressionTokenKind.End, "<EOF>", text.Length));
        return (tokens, -1);
    }

    private static int EndOfWord(string text, int at)
    {
        while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
            at++;
        return at;
    }
}
