namespace Keyturn.DebianKeys;

/// <summary>Where openssl ran. Only what the generator hashed, or counted, tells platforms apart.</summary>
/// <param name="LongBytes">Of a C long, and so of the time and the counters.</param>
/// <param name="StatBytes">Of the structure that stat() fills.</param>
internal sealed record Platform(string Name, int LongBytes, int StatBytes, bool IsBigEndian)
{
    public static readonly Platform[] All =
    [
        new("le32", 4, 88, false),
        new("le64", 8, 144, false),
        new("be32", 4, 88, true),
    ];
}

/// <summary>What openssl found of the file that it keeps random numbers in between two runs, <c>~/.rnd</c>.</summary>
internal enum SeedFile
{
    /// <summary>One that an earlier run wrote.</summary>
    Present,

    /// <summary>None, in 0.9.8c (Debian 4.0), which hashed what stat() had not filled.</summary>
    AbsentAtFirst,

    /// <summary>None, in 0.9.8g (Ubuntu 8.04, and Debian's unstable), which did not.</summary>
    AbsentLater,
}
