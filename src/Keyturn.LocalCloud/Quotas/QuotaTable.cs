using System.Globalization;

namespace Keyturn.LocalCloud.Quotas;

/// <param name="Calls">Those that share the bucket.</param>
/// <param name="Line">Where it stands.</param>
internal sealed record Quota(int PerSecond, IReadOnlyList<string> Calls, int Line);

/// <summary>
/// Which calls an account may make how often. As text: a line a bucket, calls a second and then the calls that share it;
/// <c>#</c> begins a comment.
/// </summary>
internal sealed record QuotaTable(IReadOnlyList<Quota> Quotas)
{
    /// <summary>CONNECTs of the account.</summary>
    public const string Connect = "mqtt:Connect";

    /// <summary>CONNECTs with one client id.</summary>
    public const string ConnectOfClient = "mqtt:ConnectOfClient";

    /// <summary>Requests for the shadows of one thing.</summary>
    public const string ShadowOfThing = "shadow:Thing";

    private static readonly string[] OfTheirOwn = [Connect, ConnectOfClient, ShadowOfThing];

    public static QuotaTable Off { get; } = new([]);

    public static QuotaTable Default()
    {
        using var text = new StreamReader(typeof(QuotaTable).Assembly.GetManifestResourceStream("default.quotas")!);
        return Parse(text.ReadToEnd());
    }

    /// <exception cref="FormatException">Says which line is wrong, and how.</exception>
    public static QuotaTable Parse(string text)
    {
        var quotas = new List<Quota>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (number, line) in text.Split('\n').Index())
        {
            var words = line.Split('#')[0].Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
                continue;
            if (!int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var perSecond) || perSecond < 1)
                throw Wrong($"'{words[0]}' is not a number of calls a second");
            if (words.Length == 1)
                throw Wrong("it names no call");
            foreach (var call in words.Skip(1))
            {
                if (!seen.Add(call))
                    throw Wrong($"'{call}' has a quota already");
            }

            quotas.Add(new Quota(perSecond, words[1..], number + 1));

            FormatException Wrong(string why) => new($"line {number + 1}: {why}");
        }

        return new QuotaTable(quotas);
    }

    /// <param name="calls">Names of all operations: <c>iot:CreateThing</c> …</param>
    /// <exception cref="FormatException">A quota names a call that there is not.</exception>
    public void Check(IReadOnlySet<string> calls)
    {
        foreach (var quota in Quotas)
        {
            if (quota.Calls.FirstOrDefault(c => !calls.Contains(c) && !OfTheirOwn.Contains(c)) is { } unknown)
                throw new FormatException($"line {quota.Line}: '{unknown}' is not a call of this cloud; write one like iot:CreateThing, or {string.Join(", ", OfTheirOwn)}");
        }
    }

    public int? PerSecond(string call) => Quotas.FirstOrDefault(q => q.Calls.Contains(call))?.PerSecond;
}
