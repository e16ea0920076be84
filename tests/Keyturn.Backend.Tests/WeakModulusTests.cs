using System.Numerics;

namespace Keyturn.Backend.Tests;

/// <summary>
/// Where each search of <see cref="WeakModulus"/> ends. Moduli are made to order, of parts that nobody needs to know; whole keys are in
/// <see cref="CsrPolicyTests"/>.
/// </summary>
public sealed class WeakModulusTests
{
    /// <summary>The primes modulo which the library's keys are told from others, as those who found the flaw published them.</summary>
    private static readonly int[] Telling = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

    private static readonly int[] Small = [.. Enumerable.Range(2, 4000).Where(n => !Enumerable.Range(2, n - 2).Any(d => n % d == 0))];

    [Fact]
    public void Every_prime_to_4001_is_a_small_factor_and_the_next_is_not()
    {
        var rest = Rough(BigInteger.One << 2030);
        Assert.Equal(4001, Small[^1]);
        Assert.All(Small, p => Assert.Equal("its RSA modulus has a small factor", FaultOf(rest * p)));
        Assert.Null(FaultOf(rest * 4003));
        Assert.Null(FaultOf(rest));
    }

    [Fact]
    public void A_modulus_is_the_library_s_only_if_it_is_modulo_every_telling_prime()
    {
        Assert.Equal("its RSA key is of a library whose keys can be factored (ROCA)", FaultOf(WithResidues(_ => 1)));
        Assert.Equal("its RSA key is of a library whose keys can be factored (ROCA)", FaultOf(WithResidues(p => 65537 % p)));
        Assert.All(Telling, odd => Assert.Null(FaultOf(WithResidues(p => p == odd ? NoPower(p) : 1))));
    }

    [Fact]
    public void Factors_are_too_close_if_a_hundred_steps_find_them_and_one_more_does_not()
    {
        Assert.Equal("the factors of its RSA modulus are too close together", FaultOf(FoundAt(0)));
        Assert.Equal("the factors of its RSA modulus are too close together", FaultOf(FoundAt(1)));
        Assert.Equal("the factors of its RSA modulus are too close together", FaultOf(FoundAt(100)));
        Assert.Null(FaultOf(FoundAt(101)));
    }

    private static string? FaultOf(BigInteger modulus) => WeakModulus.FaultOf(modulus.ToByteArray(isUnsigned: true, isBigEndian: true));

    private static bool IsRough(BigInteger n) => Small.All(p => n % p != 0);

    /// <summary>The next number without a small factor.</summary>
    private static BigInteger Rough(BigInteger from) => Count(from).First(IsRough);

    private static IEnumerable<BigInteger> Count(BigInteger from)
    {
        for (var n = from; ; n++)
        {
            yield return n;
        }
    }

    /// <summary>A number of 2048 bits with this residue modulo each telling prime.</summary>
    private static BigInteger WithResidues(Func<int, int> residue)
    {
        var (n, step) = (BigInteger.Zero, BigInteger.One);
        foreach (var p in Telling)
        {
            for (; n % p != residue(p); n += step)
            {
            }

            step *= p;
        }

        for (n += ((BigInteger.One << 2047) / step + 1) * step; !IsRough(n); n += step)
        {
        }

        return n;
    }

    private static int NoPower(int prime)
    {
        HashSet<int> powers = [];
        for (var power = 1; powers.Add(power); power = power * 65537 % prime)
        {
        }

        return Enumerable.Range(1, prime - 1).First(r => !powers.Contains(r));
    }

    /// <summary>(a - b)(a + b), where a is so many above the root of the product.</summary>
    private static BigInteger FoundAt(int steps)
    {
        for (var a = BigInteger.One << 1023; ; a++)
        {
            var b = Root((2 * a * steps) - (steps * (BigInteger)steps));
            if (!(a - b).IsEven && IsRough(a - b) && IsRough(a + b))
            {
                return (a - b) * (a + b);
            }
        }
    }

    private static BigInteger Root(BigInteger n)
    {
        var (low, high) = (BigInteger.Zero, n + 1);
        while (high - low > 1)
        {
            var middle = (low + high) >> 1;
            (low, high) = middle * middle <= n ? (middle, high) : (low, middle);
        }

        return low;
    }
}
