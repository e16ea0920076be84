using System.Text;
using Keyturn.LocalCloud.Rules.Sql;

namespace Keyturn.LocalCloud.Rules;

/// <summary>A parameter of an action with <c>${expression}</c> in it, evaluated against the message that came, not the result of SELECT.</summary>
internal sealed class SubstitutionTemplate
{
    private readonly IReadOnlyList<(string? Text, SqlExpression? Expression)> _parts;

    private SubstitutionTemplate(IReadOnlyList<(string?, SqlExpression?)> parts) => _parts = parts;

    public static SubstitutionTemplate Parse(string template)
    {
        var parts = new List<(string?, SqlExpression?)>();
        var at = 0;
        while (template.IndexOf("${", at, StringComparison.Ordinal) is >= 0 and var open)
        {
            var close = Close(template, open + 2);
            if (close < 0)
                throw new SqlParseException($"The substitution template that begins at {open + 1} of '{template}' has no closing brace");
            parts.Add((template[at..open], null));
            parts.Add((null, SqlParser.ParseExpression(template[(open + 2)..close])));
            at = close + 1;
        }

        parts.Add((template[at..], null));
        return new SubstitutionTemplate(parts);
    }

    /// <summary>Undefined is the empty string, as when it is serialized alone.</summary>
    public string Render(SqlEvaluator evaluator)
    {
        var rendered = new StringBuilder();
        foreach (var (text, expression) in _parts)
            rendered.Append(expression is null ? text : evaluator.Evaluate(expression).ToText());
        return rendered.ToString();
    }

    /// <summary>Braces nest (object literals) and don't count within quotes.</summary>
    private static int Close(string template, int at)
    {
        var depth = 0;
        var quote = '\0';
        for (; at < template.Length; at++)
        {
            var c = template[at];
            if (quote != '\0')
                quote = c == quote ? '\0' : quote;
            else if (c is '\'' or '"')
                quote = c;
            else if (c == '{')
                depth++;
            else if (c == '}' && depth-- == 0)
                return at;
        }

        return -1;
    }
}
