using System.Globalization;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>A component's version, ordered as semver.org has it; build metadata counts for nothing.</summary>
internal sealed partial record SemanticVersion(int Major, int Minor, int Patch, string? PreRelease, string Text) : IComparable<SemanticVersion>
{
    private const int MaxLength = 64;

    public static SemanticVersion? TryParse(string text)
    {
        if (text.Length > MaxLength || Pattern().Match(text) is not { Success: true } match)
            return null;
        return new(Number(1), Number(2), Number(3), match.Groups[4].Success ? match.Groups[4].Value : null, text);

        int Number(int group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
    }

    public int CompareTo(SemanticVersion? other)
    {
        if (other is null)
            return 1;
        var numbers = (Major, Minor, Patch).CompareTo((other.Major, other.Minor, other.Patch));
        return numbers != 0 ? numbers : (PreRelease, other.PreRelease) switch
        {
            (null, null) => 0,
            (null, _) => 1,
            (_, null) => -1,
            var (mine, theirs) => Compare(mine.Split('.'), theirs.Split('.')),
        };
    }

    private static int Compare(string[] mine, string[] theirs)
    {
        foreach (var (one, two) in mine.Zip(theirs))
        {
            var compared = (int.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var x), int.TryParse(two, NumberStyles.None, CultureInfo.InvariantCulture, out var y)) switch
            {
                (true, true) => x.CompareTo(y),
                (true, false) => -1,
                (false, true) => 1,
                _ => string.CompareOrdinal(one, two),
            };
            if (compared != 0)
                return compared;
        }

        return mine.Length.CompareTo(theirs.Length);
    }

    [GeneratedRegex(@"\A(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
