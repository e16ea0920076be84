using System.Numerics;
using System.Security.Cryptography;

namespace Keyturn.DebianKeys;

/// <summary>
/// An openssl process that makes an RSA key, halted wherever it needs to know whether a number is prime: only the answers are work, and two
/// of them are had at once for less than twice the price (<see cref="PrimalityTest"/>).
/// </summary>
internal sealed class RsaGeneration
{
    private static readonly BigInteger Exponent = 65537;

    private readonly BrokenRandom _random;
    private readonly Sieve _sieve;
    private readonly byte[] _witness;
    private BigInteger _firstPrime;

    /// <param name="sieve">For numbers of half as many bits as the modulus will have.</param>
    public RsaGeneration(Platform platform, SeedFile seedFile, int processId, int bits, Sieve sieve)
    {
        (ProcessId, _random, _sieve) = (processId, new BrokenRandom(platform, seedFile, processId), sieve);
        (Candidate, _witness) = (new byte[bits / 16], new byte[bits / 16]);
        NextCandidate();
    }

    public int ProcessId { get; }

    /// <summary>What must be told next. Big-endian.</summary>
    public byte[] Candidate { get; }

    /// <summary>Big-endian; null until the key is made.</summary>
    public byte[]? Modulus { get; private set; }

    public void Answer(bool isPrime)
    {
        if (isPrime)
        {
            // Each further round of the test draws a witness too; the first was drawn before the answer.
            for (var round = 1; round < Rounds; round++)
            {
                DrawWitness();
            }

            var prime = new BigInteger(Candidate, isUnsigned: true, isBigEndian: true);
            if (prime % Exponent != 1)
            {
                if (!_firstPrime.IsZero)
                {
                    Modulus = (_firstPrime * prime).ToByteArray(isUnsigned: true, isBigEndian: true);
                    return;
                }

                _firstPrime = prime;
            }
        }

        NextCandidate();
    }

    /// <summary>SHA-256 of the SubjectPublicKeyInfo.</summary>
    public byte[] KeyHash()
    {
        using var key = RSA.Create(new RSAParameters { Modulus = Modulus, Exponent = [1, 0, 1] });
        return SHA256.HashData(key.ExportSubjectPublicKeyInfo());
    }

    private int Rounds => (Candidate.Length * 8) switch { >= 1300 => 2, >= 850 => 3, >= 650 => 4, >= 550 => 5, _ => 6 };

    private void NextCandidate()
    {
        _random.DrawNumber(Candidate);
        Candidate[0] |= 0xC0;
        Candidate[^1] |= 1;
        _sieve.Advance(Candidate);
        DrawWitness();
    }

    /// <summary>Drawn anew until it is below the candidate less one: with its lowest bit set it is below the candidate then, and only then.</summary>
    private void DrawWitness()
    {
        do
        {
            _random.DrawNumber(_witness);
            _witness[^1] |= 1;
        }
        while (_witness.AsSpan().SequenceCompareTo(Candidate) >= 0);
    }
}
