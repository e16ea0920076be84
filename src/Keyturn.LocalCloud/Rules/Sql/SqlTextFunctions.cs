using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>Functions of strings; other arguments are converted.</summary>
internal static class SqlTextFunctions
{
    public static IEnumerable<SqlFunction> All { get; } =
    [
        One("lower", t => SqlValue.Of(t.ToLowerInvariant())),
        One("upper", t => SqlValue.Of(t.ToUpperInvariant())),
        One("trim", t => SqlValue.Of(t.Trim())),
        One("ltrim", t => SqlValue.Of(t.TrimStart())),
        One("rtrim", t => SqlValue.Of(t.TrimEnd())),
        One("length", t => SqlValue.Of(t.Length)),
        One("numbytes", t => SqlValue.Of(Encoding.UTF8.GetByteCount(t))),
        One("sha1", t => Hash(SHA1.HashData, t)),
        One("sha256", t => Hash(SHA256.HashData, t)),
        One("sha384", t => Hash(SHA384.HashData, t)),
        One("sha512", t => Hash(SHA512.HashData, t)),
        Two("startswith", (a, b) => SqlValue.Of(a.StartsWith(b, StringComparison.Ordinal))),
        Two("endswith", (a, b) => SqlValue.Of(a.EndsWith(b, StringComparison.Ordinal))),
        Two("indexof", (a, b) => SqlValue.Of(a.IndexOf(b, StringComparison.Ordinal))),
        Two("regexp_matches", (a, b) => Match(b, regex => SqlValue.Of(regex.IsMatch(a)))),
        Two("regexp_substr", (a, b) => Match(b, regex => regex.Match(a) is { Success: true } found ? SqlValue.Of(found.Value) : SqlValue.Undefined)),
        new("regexp_replace", 3, 3, (_, a) => Texts(a) is [{ } text, { } pattern, { } by]
            ? Match(pattern, regex => SqlValue.Of(regex.Replace(text, by)))
            : SqlValue.Undefined),
        new("replace", 3, 3, (_, a) => Texts(a) is [{ } text, { Length: > 0 } what, { } by]
            ? SqlValue.Of(text.Replace(what, by, StringComparison.Ordinal))
            : SqlValue.Undefined),
        new("substring", 2, 3, (_, a) => Substring(a)),
        new("lpad", 2, 2, (_, a) => Pad(a, (text, spaces) => spaces + text)),
        new("rpad", 2, 2, (_, a) => Pad(a, (text, spaces) => text + spaces)),
        new("chr", 1, 1, (_, a) => a[0].ToInt() is >= 0 and <= 127 and var code ? SqlValue.Of(((char)code).ToString()) : SqlValue.Undefined),
        new("encode", 2, 2, (_, a) => a[0].ToText() is { } text && IsBase64(a[1])
            ? SqlValue.Of(Convert.ToBase64String(Encoding.UTF8.GetBytes(text)))
            : SqlValue.Undefined),
        new("decode", 2, 2, (_, a) => a[0].ToText() is { } text && IsBase64(a[1]) ? Decode(text) : SqlValue.Undefined),
    ];

    /// <summary><c>encode(*, 'base64')</c> takes the payload's bytes, JSON or not.</summary>
    public static SqlValue EncodePayload(SqlMessage message, SqlValue scheme) =>
        IsBase64(scheme) ? SqlValue.Of(Convert.ToBase64String(message.Payload.Span)) : SqlValue.Undefined;

    private static bool IsBase64(SqlValue scheme) => scheme.ToText() == "base64";

    private static SqlFunction One(string name, Func<string, SqlValue> apply) =>
        new(name, 1, 1, (_, a) => a[0].ToText() is { } text ? apply(text) : SqlValue.Undefined);

    private static SqlFunction Two(string name, Func<string, string, SqlValue> apply) =>
        new(name, 2, 2, (_, a) => Texts(a) is [{ } first, { } second] ? apply(first, second) : SqlValue.Undefined);

    private static string?[] Texts(IReadOnlyList<SqlValue> arguments) => [.. arguments.Select(a => a.ToText())];

    private static SqlValue Hash(Func<byte[], byte[]> hash, string text) =>
        SqlValue.Of(Convert.ToHexStringLower(hash(Encoding.UTF8.GetBytes(text))));

    private static SqlValue Match(string pattern, Func<Regex, SqlValue> apply)
    {
        try
        {
            return apply(new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking));
        }
        // A pattern that is none, or one with look-arounds, which take exponential time.
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return SqlValue.Undefined;
        }
    }

    private static SqlValue Substring(IReadOnlyList<SqlValue> arguments)
    {
        if (arguments[0].ToText() is not { } text || arguments[1].ToInt() is not { } from)
            return SqlValue.Undefined;
        var to = arguments.Count == 3 ? arguments[2].ToInt() : text.Length;
        if (to is not { } end)
            return SqlValue.Undefined;
        var first = (int)decimal.Clamp(from, 0, text.Length);
        var last = (int)decimal.Clamp(end, 0, text.Length);
        return SqlValue.Of(first < last ? text[first..last] : "");
    }

    private static SqlValue Pad(IReadOnlyList<SqlValue> arguments, Func<string, string, string> join) =>
        arguments[0].ToText() is { } text && arguments[1].ToInt() is { } count
            ? SqlValue.Of(join(text, new string(' ', (int)decimal.Clamp(count, 0, 1000))))
            : SqlValue.Undefined;

    private static SqlValue Decode(string text)
    {
        if (!Base64.IsValid(text))
            return SqlValue.Null;
        var bytes = Convert.FromBase64String(text);
        var json = SqlMessage.ReadJson(bytes);
        return json.IsDefined ? json : SqlValue.Of(Encoding.UTF8.GetString(bytes));
    }
}
