using System.Runtime.InteropServices;

namespace Keyturn.DebianKeys;

/// <summary>
/// Fermat's test with one base, by today's OpenSSL. One base is enough: no composite number of a thousand bits that comes by chance passes,
/// and a key that differed would fail against the published ones. The base is next to the modulus, because OpenSSL computes two powers in
/// parallel only where all have the modulus's length.
/// </summary>
internal sealed partial class PrimalityTest : IDisposable
{
    private const string Library = "libcrypto.so.3";

    private readonly nint _context = BN_CTX_new();
    private readonly nint[] _numbers = [.. Enumerable.Range(0, 8).Select(_ => BN_new())];

    public (bool First, bool Second) ArePrime(byte[] first, byte[] second)
    {
        Load(first, 0);
        Load(second, 4);
        if (BN_mod_exp_mont_consttime_x2(
            _numbers[0], _numbers[1], _numbers[2], _numbers[3], 0, _numbers[4], _numbers[5], _numbers[6], _numbers[7], 0, _context) != 1)
        {
            throw new InvalidOperationException("OpenSSL could not compute a power");
        }

        return (BN_is_one(_numbers[0]) == 1, BN_is_one(_numbers[4]) == 1);
    }

    public void Dispose()
    {
        foreach (var number in _numbers)
        {
            BN_free(number);
        }

        BN_CTX_free(_context);
    }

    /// <summary>After the result's place the base, the exponent and the modulus: two and one less than the candidate, and itself, which is odd.</summary>
    private void Load(byte[] candidate, int at)
    {
        for (var i = 1; i <= 3; i++)
        {
            BN_bin2bn(candidate, candidate.Length, _numbers[at + i]);
        }

        _ = BN_sub_word(_numbers[at + 1], 2);
        _ = BN_sub_word(_numbers[at + 2], 1);
    }

    [LibraryImport(Library)]
    private static partial nint BN_CTX_new();

    [LibraryImport(Library)]
    private static partial void BN_CTX_free(nint context);

    [LibraryImport(Library)]
    private static partial nint BN_new();

    [LibraryImport(Library)]
    private static partial void BN_free(nint number);

    [LibraryImport(Library)]
    private static partial nint BN_bin2bn(byte[] bytes, int length, nint number);

    [LibraryImport(Library)]
    private static partial int BN_sub_word(nint number, nuint value);

    [LibraryImport(Library)]
    private static partial int BN_is_one(nint number);

    [LibraryImport(Library)]
    private static partial int BN_mod_exp_mont_consttime_x2(
        nint result1, nint base1, nint exponent1, nint modulus1, nint montgomery1,
        nint result2, nint base2, nint exponent2, nint modulus2, nint montgomery2,
        nint context);
}
