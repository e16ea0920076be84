namespace Keyturn.LocalCloud.Greengrass;

/// <summary>A range of versions as recipes write it: <c>&gt;=2.6.0 &lt;3.0.0</c>, <c>^1.2.0</c>, <c>~1.2.3</c>, <c>1.0.0</c>, <c>*</c>, with <c>||</c> between.</summary>
internal sealed class VersionRequirement
{
    private static readonly string[] Operators = [">=", "<=", "==", ">", "<", "=", "^", "~"];

    private readonly List<List<(string Operator, SemanticVersion Bound)>> _alternatives = [];

    /// <returns>Null for what is no requirement.</returns>
    public static VersionRequirement? TryParse(string text)
    {
        var requirement = new VersionRequirement();
        foreach (var alternative in text.Split("||", StringSplitOptions.TrimEntries))
        {
            var comparators = new List<(string, SemanticVersion)>();
            foreach (var word in alternative.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(w => w != "*"))
            {
                var sign = Operators.FirstOrDefault(o => word.StartsWith(o, StringComparison.Ordinal)) ?? "";
                if (SemanticVersion.TryParse(word[sign.Length..]) is not { } bound)
                    return null;
                comparators.Add((sign, bound));
            }

            requirement._alternatives.Add(comparators);
        }

        return requirement;
    }

    public bool IsMetBy(SemanticVersion version) => _alternatives.Any(all => all.TrueForAll(c => Holds(c.Operator, version, c.Bound)));

    private static bool Holds(string sign, SemanticVersion version, SemanticVersion bound) => sign switch
    {
        ">=" => version.CompareTo(bound) >= 0,
        "<=" => version.CompareTo(bound) <= 0,
        ">" => version.CompareTo(bound) > 0,
        "<" => version.CompareTo(bound) < 0,
        // The part that may rise is the one right of the leftmost that is not zero.
        "^" => version.CompareTo(bound) >= 0 && version.Major == bound.Major
            && (bound.Major > 0 || (version.Minor == bound.Minor && (bound.Minor > 0 || version.Patch == bound.Patch))),
        "~" => version.CompareTo(bound) >= 0 && (version.Major, version.Minor) == (bound.Major, bound.Minor),
        _ => version.CompareTo(bound) == 0,
    };
}
