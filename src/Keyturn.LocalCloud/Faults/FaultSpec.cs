using System.Globalization;

namespace Keyturn.LocalCloud.Faults;

internal enum FaultKind
{
    Drop,
    Duplicate,
    Delay,
    Reorder,
    Throttle,
    Fail,
    Kill,
    Refuse,
    Freeze,
}

/// <summary>
/// One fault as it is written: <c>drop topic=a/# share=0.5</c>, <c>throttle call=iot:UpdateCertificate nth=2</c>. The n-th time
/// that it applies is the first that it strikes, and then it strikes as often as <see cref="Times"/> says.
/// </summary>
internal sealed record FaultSpec(FaultKind Kind, string Text)
{
    /// <summary>What AWS itself does now and then: events come more than once.</summary>
    public const string Mild = "duplicate topic=$aws/events/# share=0.1 by=200ms";

    private static readonly Dictionary<FaultKind, string[]> Words = new()
    {
        [FaultKind.Drop] = ["topic", "share", "nth", "times"],
        [FaultKind.Duplicate] = ["topic", "share", "by", "nth", "times"],
        [FaultKind.Delay] = ["topic", "share", "by", "nth", "times"],
        [FaultKind.Reorder] = ["topic", "share", "by", "nth", "times"],
        [FaultKind.Throttle] = ["call", "nth", "times"],
        [FaultKind.Fail] = ["call", "nth", "times"],
        [FaultKind.Kill] = ["function", "call", "nth", "times"],
        [FaultKind.Refuse] = ["certificate", "nth", "times"],
        [FaultKind.Freeze] = ["plane", "for"],
    };

    /// <summary>An MQTT topic filter; of calls <c>service:Operation</c> and of functions a name, both with wildcards.</summary>
    public string Topic { get; private init; } = "";

    public string Call { get; private init; } = "*";

    public string Function { get; private init; } = "*";

    /// <summary><c>new</c>: registered after the fault was set; <c>all</c>; or the beginning of an id.</summary>
    public string Certificate { get; private init; } = "";

    /// <summary>api, https or mqtt.</summary>
    public string Plane { get; private init; } = "";

    public double Share { get; private init; } = 1;

    public TimeSpan By { get; private init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Null: until it is taken away.</summary>
    public TimeSpan? For { get; private init; }

    public int Nth { get; private init; } = 1;

    /// <summary>Null: always.</summary>
    public int? Times { get; private init; }

    /// <summary>Faults are separated by semicolons or lines; a line that begins with # is a comment.</summary>
    /// <exception cref="FormatException">Says which fault is wrong, and how.</exception>
    public static IReadOnlyList<FaultSpec> ParseAll(string text) =>
    [
        .. text.Split('\n').Where(l => !l.TrimStart().StartsWith('#')).SelectMany(l => l.Split(';'))
            .Select(f => f.Trim()).Where(f => f.Length > 0).Select(f => Parse(f == "mild" ? Mild : f)),
    ];

    public static bool IsKind(string word) => FindKind(word) is not null;

    private static FaultKind? FindKind(string word) =>
        Enum.GetValues<FaultKind>().Where(k => k.ToString().Equals(word, StringComparison.OrdinalIgnoreCase)).Select(k => (FaultKind?)k).FirstOrDefault();

    private static FaultSpec Parse(string text)
    {
        var words = text.Split((char[])[' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
        if (FindKind(words[0]) is not { } kind)
            throw Wrong($"'{words[0]}' is none of {string.Join(", ", Enum.GetNames<FaultKind>().Select(n => n.ToLowerInvariant()))}");
        var given = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var word in words.Skip(1))
        {
            var equals = word.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0 || equals == word.Length - 1)
                throw Wrong($"'{word}' is not of the form name=value");
            if (!Words[kind].Contains(word[..equals]))
                throw Wrong($"'{word[..equals]}' does not belong to {words[0]}, which takes {string.Join(", ", Words[kind])}");
            if (!given.TryAdd(word[..equals], word[(equals + 1)..]))
                throw Wrong($"'{word[..equals]}' is given twice");
        }

        // What these mean can't be guessed; everything else has a default.
        if (Words[kind][0] is "topic" or "call" or "certificate" or "plane" && !given.ContainsKey(Words[kind][0]))
            throw Wrong($"it needs {Words[kind][0]}=…");
        return new FaultSpec(kind, string.Join(' ', words))
        {
            Topic = Topics(given.GetValueOrDefault("topic")),
            Call = given.GetValueOrDefault("call", "*"),
            Function = given.GetValueOrDefault("function", "*"),
            Certificate = Certificates(given.GetValueOrDefault("certificate")),
            Plane = given.TryGetValue("plane", out var plane) ? OneOf(plane, "api", "https", "mqtt") : "",
            Share = given.TryGetValue("share", out var share) ? Fraction(share) : 1,
            By = given.TryGetValue("by", out var by) ? Duration(by) : TimeSpan.FromMilliseconds(100),
            For = given.TryGetValue("for", out var period) ? Duration(period) : null,
            Nth = given.TryGetValue("nth", out var nth) ? Count(nth) : 1,
            Times = given.TryGetValue("times", out var times) ? times == "all" ? null : Count(times)
                : kind is FaultKind.Throttle or FaultKind.Fail or FaultKind.Kill ? 1 : null,
        };

        FormatException Wrong(string why) => new($"'{text}': {why}");

        string Topics(string? filter) => filter is null || TopicShape(filter) ? filter ?? "" : throw Wrong($"'{filter}' is not a topic filter");

        string Certificates(string? id) => id is null or "new" or "all" || (id.Length is >= 6 and <= 64 && id.All(char.IsAsciiHexDigitLower))
            ? id ?? ""
            : throw Wrong("certificate is new, all, or the first 6 to 64 hex digits of an id");

        string OneOf(string value, params string[] values) => values.Contains(value) ? value : throw Wrong($"'{value}' is none of {string.Join(", ", values)}");

        double Fraction(string value) =>
            double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 1
                ? number
                : throw Wrong($"share={value} is not above 0 and at most 1");

        int Count(string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw Wrong($"'{value}' is not a number from 1 on");

        TimeSpan Duration(string value)
        {
            var (digits, unit) = value.EndsWith("ms", StringComparison.Ordinal) ? (value[..^2], 1) : value.EndsWith('s') ? (value[..^1], 1000) : ("", 0);
            return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= 3_600_000
                ? TimeSpan.FromMilliseconds((double)number * unit)
                : throw Wrong($"'{value}' is not a time like 200ms or 5s");
        }
    }

    private static bool TopicShape(string filter)
    {
        var levels = filter.Split('/');
        return levels.Select((l, i) => l == "+" || (l == "#" && i == levels.Length - 1) || !l.AsSpan().ContainsAny('+', '#')).All(ok => ok);
    }
}
