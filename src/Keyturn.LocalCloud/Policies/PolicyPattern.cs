using System.Text;

namespace Keyturn.LocalCloud.Policies;

/// <summary>
/// Text with <c>*</c>, <c>?</c> and <c>${variables}</c>. A variable's value is literal text: a client that calls itself
/// <c>*</c> gains nothing. MQTT's <c>+</c> and <c>#</c> mean nothing here. A pattern whose variable has no value matches nothing.
/// </summary>
internal sealed class PolicyPattern
{
    private const char AnyText = '\uE000';
    private const char AnyCharacter = '\uE001';

    private readonly List<(string Text, bool IsVariable)> _parts = [];
    private readonly string? _fixed;

    private PolicyPattern(string source) => Source = source;

    public string Source { get; }

    /// <param name="hasVariables">Only documents of version 2012-10-17 know them; in older ones they are plain text.</param>
    public static PolicyPattern Parse(string source, bool hasVariables, bool hasWildcards = true)
    {
        if (source.AsSpan().ContainsAny(AnyText, AnyCharacter))
            throw new PolicyFormatException($"'{source}' holds a character of a private use area.");
        var pattern = new PolicyPattern(source);
        var literal = new StringBuilder();
        for (var i = 0; i < source.Length; i++)
        {
            if (hasVariables && source[i] == '$' && i + 1 < source.Length && source[i + 1] == '{')
            {
                var end = source.IndexOf('}', i);
                if (end < 0)
                    throw new PolicyFormatException($"The variable in '{source}' is not closed.");
                var name = source[(i + 2)..end];
                i = end;
                if (name is "*" or "?" or "$")
                {
                    literal.Append(name);
                    continue;
                }

                if (!PolicyVariables.IsWellFormed(name))
                    throw new PolicyFormatException($"'${{{name}}}' is not a policy variable.");
                pattern._parts.Add((literal.ToString(), false));
                literal.Clear();
                pattern._parts.Add((name, true));
            }
            else
            {
                literal.Append(source[i] switch
                {
                    '*' when hasWildcards => AnyText,
                    '?' when hasWildcards => AnyCharacter,
                    var other => other,
                });
            }
        }

        pattern._parts.Add((literal.ToString(), false));
        return pattern._parts.Count == 1 ? new PolicyPattern(source, pattern._parts[0].Text) : pattern;
    }

    private PolicyPattern(string source, string text) : this(source) => _fixed = text;

    public bool Matches(string value, PolicyContext context, bool ignoreCase = false) =>
        Expand(context) is { } pattern && Matches(pattern, value, ignoreCase);

    /// <summary>The wildcards kept apart from literal text; null when a variable has no value.</summary>
    private string? Expand(PolicyContext context)
    {
        if (_fixed is not null)
            return _fixed;
        var text = new StringBuilder();
        foreach (var (part, isVariable) in _parts)
        {
            if (!isVariable)
                text.Append(part);
            else if (PolicyVariables.Resolve(part, context) is [{ Length: > 0 } value])
                text.Append(value.Replace(AnyText, '\uFFFD').Replace(AnyCharacter, '\uFFFD'));
            else
                return null;
        }

        return text.ToString();
    }

    // Greedy with one backtracking point: linear for one star, never exponential.
    private static bool Matches(string pattern, string value, bool ignoreCase)
    {
        int p = 0, v = 0, star = -1, resume = 0;
        while (v < value.Length)
        {
            if (p < pattern.Length && pattern[p] == AnyText)
            {
                star = p++;
                resume = v;
            }
            else if (p < pattern.Length && (pattern[p] == AnyCharacter || Same(pattern[p], value[v], ignoreCase)))
            {
                p++;
                v++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                v = ++resume;
            }
            else
            {
                return false;
            }
        }

        while (p < pattern.Length && pattern[p] == AnyText)
            p++;
        return p == pattern.Length;
    }

    private static bool Same(char a, char b, bool ignoreCase) =>
        a == b || (ignoreCase && char.ToUpperInvariant(a) == char.ToUpperInvariant(b));
}
