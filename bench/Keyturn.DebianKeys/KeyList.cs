using System.Globalization;

namespace Keyturn.DebianKeys;

/// <summary>All keys of one kind that openssl made on one platform: one for each process id.</summary>
internal sealed record KeyList(string Kind, Platform Platform, SeedFile SeedFile)
{
    public const int ProcessIds = 32768;

    /// <summary>What keys of that time are, if at all.</summary>
    public static readonly string[] Usual = ["P-256", "P-384", "RSA-2048"];

    public string Name => $"{Kind}-{Platform.Name}-{SeedFile}";

    public static KeyList[] Of(IEnumerable<string> kinds) =>
        [.. from kind in kinds from platform in Platform.All from seedFile in Enum.GetValues<SeedFile>() select new KeyList(kind, platform, seedFile)];

    private bool IsRsa => Kind.StartsWith("RSA", StringComparison.Ordinal);

    private int Bits => int.Parse(Kind[(Kind.IndexOf('-', StringComparison.Ordinal) + 1)..], CultureInfo.InvariantCulture);

    /// <param name="made">Told after each key how many there are by now, by several threads.</param>
    /// <returns>The keys' hashes, in the order asked for.</returns>
    public byte[][] Make(IReadOnlyList<int> processIds, int threads, Action<int> made)
    {
        var hashes = new byte[processIds.Count][];
        var (taken, done) = (-1, 0);
        var workers = Enumerable.Range(0, threads).Select(_ => new Thread(IsRsa ? MakeRsa : MakeEc)).ToArray();
        Array.ForEach(workers, worker => worker.Start());
        Array.ForEach(workers, worker => worker.Join());
        return hashes;

        void MakeEc()
        {
            for (int i; (i = Interlocked.Increment(ref taken)) < hashes.Length;)
            {
                hashes[i] = EcGeneration.KeyHash(Platform, SeedFile, processIds[i], Bits);
                made(Interlocked.Increment(ref done));
            }
        }

        void MakeRsa()
        {
            using var test = new PrimalityTest();
            var sieve = new Sieve(Bits / 2);
            var (first, second) = (Next(), Next());
            while (first.Generation is { } one)
            {
                // A last one without another is tested twice.
                var other = second.Generation;
                var (isFirst, isSecond) = test.ArePrime(one.Candidate, (other ?? one).Candidate);
                first = Answer(first, isFirst);
                second = other is null ? second : Answer(second, isSecond);
                if (first.Generation is null)
                {
                    (first, second) = (second, first);
                }
            }

            (int Index, RsaGeneration? Generation) Next()
            {
                var i = Interlocked.Increment(ref taken);
                return i < hashes.Length ? (i, new RsaGeneration(Platform, SeedFile, processIds[i], Bits, sieve)) : (i, null);
            }

            (int Index, RsaGeneration? Generation) Answer((int Index, RsaGeneration? Generation) asked, bool isPrime)
            {
                asked.Generation!.Answer(isPrime);
                if (asked.Generation.Modulus is null)
                {
                    return asked;
                }

                hashes[asked.Index] = asked.Generation.KeyHash();
                made(Interlocked.Increment(ref done));
                return Next();
            }
        }
    }
}
