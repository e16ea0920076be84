using System.Globalization;
using System.Text.RegularExpressions;

namespace Keyturn.Device.Windows;

/// <summary>
/// Who may do what with a file or directory, read from its security descriptor in SDDL:
/// <see href="https://learn.microsoft.com/windows/win32/secauthz/security-descriptor-string-format"/>. Administrators and SYSTEM, as which the nucleus and
/// this component run, are one party, the file's owner belongs to it only if it is one of them, and all others are the other.
/// </summary>
/// <param name="Owner">0 for that party, another number for each other owner.</param>
internal sealed partial record WindowsAccess(uint Owner, bool OthersMayRead, bool OthersMayWrite, bool SystemMayRead)
{
    /// <summary>What we make: full control for SYSTEM and for Administrators, who own it; nothing is inherited from above.</summary>
    public const string OwnFile = "O:BAD:P(A;;FA;;;SY)(A;;FA;;;BA)", OwnDirectory = "O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";

    private const long ReadData = 0x1, GenericRead = 0x80000000, All = 0x10000000, MaximumAllowed = 0x02000000;

    /// <summary>Write, append (make directory), delete child, write attributes of either kind, delete, change access, change owner, generic write.</summary>
    private const long Write = 0x2 | 0x4 | 0x10 | 0x40 | 0x100 | 0x10000 | 0x40000 | 0x80000 | 0x40000000;

    private static readonly string[] Us = ["SY", "BA", "S-1-5-18", "S-1-5-32-544"];

    public static WindowsAccess Parse(string sddl)
    {
        var owner = OwnerOf().Match(sddl) is { Success: true } match ? match.Groups[1].Value : "";
        var list = sddl.IndexOf("D:", StringComparison.Ordinal);
        var number = Us.Contains(owner) ? 0 : NumberOf(owner);
        // Without a list everybody may do everything.
        if (list < 0 || sddl.Contains("NO_ACCESS_CONTROL", StringComparison.Ordinal))
            return new(number, true, true, true);
        var (othersRead, othersWrite, systemReads) = (false, false, false);
        foreach (Match entry in Entry().Matches(sddl[list..]))
        {
            // What is denied to somebody does not undo what another entry allows to somebody else.
            if (!entry.Groups["type"].Value.EndsWith('A'))
                continue;
            var (rights, isUs) = (Rights(entry.Groups["rights"].Value), Us.Contains(entry.Groups["who"].Value));
            var (reads, writes) = ((rights & (ReadData | GenericRead | All | MaximumAllowed)) != 0, (rights & (Write | All | MaximumAllowed)) != 0);
            // Everyone and authenticated users are also SYSTEM.
            systemReads |= reads && (isUs || entry.Groups["who"].Value is "WD" or "AU" or "S-1-1-0" or "S-1-5-11");
            othersRead |= reads && !isUs;
            othersWrite |= writes && !isUs;
        }
        return new(number, othersRead, othersWrite, systemReads);
    }

    /// <summary>As permission bits: those of the owner, and for all others what anyone of them may.</summary>
    public uint Mode(bool isDirectory) => (isDirectory ? 0x1C0u : 0x180u) | (OthersMayRead ? 0x24u : 0) | (OthersMayWrite ? 0x12u : 0);

    private static long Rights(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
            return long.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var bits) ? bits : All;
        var rights = 0L;
        for (var i = 0; i + 1 < text.Length; i += 2)
        {
            rights |= text.AsSpan(i, 2) switch
            {
                "FR" or "GR" => GenericRead,
                "FW" or "GW" => 0x40000000,
                "FX" or "GX" => 0x20000000,
                "CC" => 0x1,
                "DC" => 0x2,
                "LC" => 0x4,
                "SW" => 0x8,
                "RP" => 0x10,
                "WP" => 0x20,
                "DT" => 0x40,
                "LO" => 0x80,
                "CR" => 0x100,
                "SD" => 0x10000,
                "RC" => 0x20000,
                "WD" => 0x40000,
                "WO" => 0x80000,
                // Full access, and whatever we don't know.
                _ => All,
            };
        }
        return rights;
    }

    /// <summary>Never 0, and the same for the same owner.</summary>
    private static uint NumberOf(string owner) => owner.Aggregate(2166136261u, (hash, c) => (hash ^ c) * 16777619) | 1;

    [GeneratedRegex(@"^O:(S-[0-9-]+|[A-Z]{2})")]
    private static partial Regex OwnerOf();

    [GeneratedRegex(@"\((?<type>[A-Z]+);[A-Z]*;(?<rights>[^;]*);[^;]*;[^;]*;(?<who>[^;)]*)")]
    private static partial Regex Entry();
}
