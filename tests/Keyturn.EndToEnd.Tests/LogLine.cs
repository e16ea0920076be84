using System.Text.RegularExpressions;

namespace Keyturn.EndToEnd.Tests;

/// <summary>What an error looks like in the logs of all our processes, and in those of the runtime below them.</summary>
internal static partial class LogLine
{
    public static bool IsError(string line) => Error().IsMatch(line);

    [GeneratedRegex(@"(?i:^\s*|[\[\s"":])(error|fail|critical|crit|fatal)(?i:[\]:""])|unhandled exception|unobserved", RegexOptions.IgnoreCase)]
    private static partial Regex Error();
}
