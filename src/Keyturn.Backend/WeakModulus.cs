using System.Numerics;

namespace Keyturn.Backend;

/// <summary>
/// RSA moduli that anybody can factor, as far as that shows without a list: small factors, factors close together, and those of the
/// Infineon library (ROCA, CVE-2017-15361).
/// </summary>
internal static class WeakModulus
{
    private const int FermatSteps = 100;

    private static readonly int[] SmallPrimes = [.. Enumerable.Range(2, 4000).Where(n => !Enumerable.Range(2, (int)Math.Sqrt(n) - 1).Any(d => n % d == 0))];

    /// <summary>
    /// The library's primes are powers of 65537 modulo each of the first primes, and so are its moduli. One in two hundred million others
    /// is by chance: its device makes another key for the next job.
    /// </summary>
    private static readonly (int Prime, HashSet<int> Powers)[] RocaGroups =
    [
        .. SmallPrimes.Where(p => p is > 2 and <= 167).Select(p => (p, Powers: PowersOf(65537 % p, p))).Where(g => g.Powers.Count < g.p - 1),
    ];

    /// <param name="modulus">Big-endian.</param>
    /// <returns>Null when nothing is known against it.</returns>
    public static string? FaultOf(ReadOnlySpan<byte> modulus)
    {
        var n = new BigInteger(modulus, isUnsigned: true, isBigEndian: true);
        return SmallPrimes.Any(p => n % p == 0) ? "its RSA modulus has a small factor"
            : RocaGroups.All(g => g.Powers.Contains((int)(n % g.Prime))) ? "its RSA key is of a library whose keys can be factored (ROCA)"
            : HasCloseFactors(n) ? "the factors of its RSA modulus are too close together"
            : null;
    }

    /// <summary>Fermat's method: n is a² - b² with a little above the root of n.</summary>
    private static bool HasCloseFactors(BigInteger n)
    {
        var a = RootOf(n);
        for (var step = 0; step <= FermatSteps; step++, a++)
        {
            var square = (a * a) - n;
            if (square.Sign >= 0)
            {
                var b = RootOf(square);
                if (b * b == square)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Rounded down, by Newton's method.</summary>
    private static BigInteger RootOf(BigInteger n)
    {
        if (n.IsZero)
        {
            return n;
        }

        var root = BigInteger.One << (int)((n.GetBitLength() + 1) / 2);
        while (true)
        {
            var next = (root + (n / root)) >> 1;
            if (next >= root)
            {
                return root;
            }

            root = next;
        }
    }

    private static HashSet<int> PowersOf(int generator, int prime)
    {
        HashSet<int> powers = [];
        for (var power = 1; powers.Add(power); power = power * generator % prime)
        {
        }

        return powers;
    }
}
