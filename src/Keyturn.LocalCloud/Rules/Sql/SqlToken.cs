namespace Keyturn.LocalCloud.Rules.Sql;

internal enum SqlTokenKind
{
    Identifier,
    Text,
    Number,
    Symbol,
    End,
}

/// <param name="Text">Of a text its content without the quotes; else as written.</param>
/// <param name="Position">Of its first character, from 0.</param>
internal readonly record struct SqlToken(SqlTokenKind Kind, string Text, int Position)
{
    public bool IsSymbol(string symbol) => Kind == SqlTokenKind.Symbol && Text == symbol;

    /// <summary>Keywords are read without regard to case.</summary>
    public bool IsKeyword(string keyword) => Kind == SqlTokenKind.Identifier && string.Equals(Text, keyword, StringComparison.OrdinalIgnoreCase);

    public string Shown => Kind switch
    {
        SqlTokenKind.End => "the end of the statement",
        SqlTokenKind.Text => $"'{Text}'",
        _ => $"\"{Text}\"",
    };
}
