using System.Buffers;

namespace Keyturn.Backend;

/// <summary>The shapes of names that AWS IoT hands over. Exact, because <c>pump10</c> begins with <c>pump1</c>.</summary>
internal static class Identity
{
    private const string Alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    private static readonly SearchValues<char> ThingNameCharacters = SearchValues.Create(Alphanumeric + ":_-");
    private static readonly SearchValues<char> JobIdCharacters = SearchValues.Create(Alphanumeric + "_-");
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");
    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789");

    public static bool IsThingName(string text) => text.Length is >= 1 and <= 128 && Consists(text, ThingNameCharacters);

    public static bool IsJobId(string text) => text.Length is >= 1 and <= 64 && Consists(text, JobIdCharacters);

    /// <summary>The id of a certificate. Connections that are not of a certificate have principals of other shapes.</summary>
    public static bool IsCertificateId(string text) => text.Length == 64 && Consists(text, HexDigits);

    /// <summary>The nucleus connects as <c>T</c>, then as <c>T#2</c>, <c>T#3</c> … past 50 subscriptions.</summary>
    public static bool IsClientOf(string thing, string clientId) =>
        clientId == thing
        || (Suffix(thing, clientId) is { Length: >= 1 and <= 9 } suffix && Consists(suffix, Digits));

    /// <summary>The connection on which a device proves its new credential.</summary>
    public static bool IsPreflightOf(string thing, string clientId) => Suffix(thing, clientId) is "preflight";

    private static ReadOnlySpan<char> Suffix(string thing, string clientId) =>
        clientId.Length > thing.Length && clientId[thing.Length] == '#' && clientId.StartsWith(thing, StringComparison.Ordinal)
            ? clientId.AsSpan(thing.Length + 1)
            : [];

    private static bool Consists(ReadOnlySpan<char> text, SearchValues<char> of) => text.IndexOfAnyExcept(of) < 0;
}
