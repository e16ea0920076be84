using System.Buffers.Binary;
using System.Runtime.Intrinsics;

namespace Keyturn.DebianKeys;

/// <summary>
/// The search for a number that may be prime, as OpenSSL 0.9.8 does it: from a random number in steps of two to the first that is neither 0
/// nor 1 modulo any of the odd primes to 17863. Not for several threads at once.
/// </summary>
internal sealed class Sieve(int bits)
{
    private const int Primes = 2048;
    private const int Window = 512;

    private static readonly int[] Odd = [.. Enumerable.Range(3, 17861).Where(n => n % 2 > 0 && !Enumerable.Range(2, (int)Math.Sqrt(n) - 1).Any(d => n % d == 0)), 1];

    private static readonly double[] OddAsDouble = [.. Odd];
    private static readonly double[] Reciprocals = [.. Odd.Select(p => 1.0 / p)];

    private readonly ushort[] _powers = PowersOf(bits / 32);
    private readonly double[] _rests = new double[Primes];
    private readonly uint[] _limbs = new uint[bits / 32];
    private readonly int[] _next = new int[Primes * 2];
    private readonly bool[] _isStruck = new bool[Window];

    /// <param name="number">Big-endian and odd; goes on to the number found.</param>
    public void Advance(Span<byte> number)
    {
        for (var i = 0; i < _limbs.Length; i++)
        {
            _limbs[i] = BinaryPrimitives.ReadUInt32BigEndian(number[^((i + 1) * 4)..]);
        }

        Divide();
        for (var i = 0; i < Primes - 1; i++)
        {
            // The number of steps to where the number is 0, and to where it is 1: half of the way there, modulo the prime.
            var (prime, rest) = (Odd[i], (int)_rests[i]);
            _next[2 * i] = Half(rest == 0 ? 0 : prime - rest, prime);
            _next[(2 * i) + 1] = Half(rest <= 1 ? 1 - rest : prime + 1 - rest, prime);
        }

        for (var passed = 0; ; passed += Window)
        {
            Array.Clear(_isStruck);
            for (var i = 0; i < 2 * (Primes - 1); i++)
            {
                var (at, prime) = (_next[i], Odd[i / 2]);
                for (; at < Window; at += prime)
                {
                    _isStruck[at] = true;
                }

                _next[i] = at - Window;
            }

            var free = Array.IndexOf(_isStruck, false);
            if (free >= 0)
            {
                Add(number, 2 * (passed + free));
                return;
            }
        }
    }

    private static int Half(int distance, int prime) => (distance % 2 == 0 ? distance : distance + prime) / 2;

    private static void Add(Span<byte> number, int value)
    {
        for (var i = number.Length - 1; value > 0 && i >= 0; i--)
        {
            value += number[i];
            number[i] = (byte)value;
            value >>= 8;
        }
    }

    /// <summary>
    /// The rests of the number divided by each prime: of the sum of its limbs, each times its place's rest. Limbs of 32 bits and rests of 15 make sums
    /// below 2^53, of which a double holds each.
    /// </summary>
    private void Divide()
    {
        for (var i = 0; i < Primes; i += Vector256<ushort>.Count)
        {
            Vector256<ulong> first = default, second = default, third = default, fourth = default;
            for (var limb = 0; limb < _limbs.Length; limb++)
            {
                var factor = Vector256.Create((ulong)_limbs[limb]);
                var (low, high) = Vector256.Widen(Vector256.LoadUnsafe(ref _powers[(i * _limbs.Length) + (limb * Vector256<ushort>.Count)]));
                var (a, b) = Vector256.Widen(low);
                var (c, d) = Vector256.Widen(high);
                (first, second, third, fourth) = (first + (a * factor), second + (b * factor), third + (c * factor), fourth + (d * factor));
            }

            Rest(first, i);
            Rest(second, i + 4);
            Rest(third, i + 8);
            Rest(fourth, i + 12);
        }
    }

    private void Rest(Vector256<ulong> sums, int at)
    {
        var (sum, prime) = (Vector256.ConvertToDouble(sums), Vector256.LoadUnsafe(ref OddAsDouble[at]));
        var rest = sum - (Vector256.Floor(sum * Vector256.LoadUnsafe(ref Reciprocals[at])) * prime);
        // The reciprocal is rounded, so the quotient can be one off.
        rest += Vector256.ConditionalSelect(Vector256.LessThan(rest, Vector256<double>.Zero), prime, Vector256<double>.Zero);
        rest -= Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(rest, prime), prime, Vector256<double>.Zero);
        rest.StoreUnsafe(ref _rests[at]);
    }

    /// <summary>The rests of 2^32 to the power of each limb's place: of sixteen primes for all limbs, then of the next sixteen.</summary>
    private static ushort[] PowersOf(int limbs)
    {
        var powers = new ushort[limbs * Primes];
        for (var i = 0; i < Primes; i++)
        {
            var power = 1UL % (ulong)Odd[i];
            for (var limb = 0; limb < limbs; limb++)
            {
                powers[(i / 16 * 16 * limbs) + (limb * 16) + (i % 16)] = (ushort)power;
                power = (power << 32) % (ulong)Odd[i];
            }
        }

        return powers;
    }
}
