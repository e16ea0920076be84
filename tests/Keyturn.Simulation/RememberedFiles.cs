using System.Text;
using Keyturn.Device.Credentials;

namespace Keyturn.Simulation;

/// <summary>
/// Real keys, requests and certificates, each made and read once in all runs of a thread: what they say depends on their bytes alone. The n-th key
/// of every run is the same, so that a run comes out the same each time.
/// </summary>
internal sealed class RememberedFiles : CredentialFiles
{
    [ThreadStatic]
    private static List<NewKey>? s_keys;

    [ThreadStatic]
    private static Dictionary<Contents, bool>? s_pairs;

    [ThreadStatic]
    private static Dictionary<Contents, CertificateInfo>? s_infos;

    [ThreadStatic]
    private static Dictionary<Contents, OfferedCertificate?>? s_offers;

    private int _made;

    public override NewKey Generate(KeyOptions options, byte[] currentCertificate)
    {
        var keys = s_keys ??= [];
        if (_made == keys.Count)
            keys.Add(base.Generate(options, currentCertificate));
        var key = keys[_made++];
        return key with { Secret = [.. key.Secret] };
    }

    public override bool ArePair(byte[] key, byte[] certificate) =>
        Remember(s_pairs ??= [], new(key, certificate), (key, certificate), q => base.ArePair(q.key, q.certificate));

    public override CertificateInfo Describe(byte[] certificate) => Remember(s_infos ??= [], new(certificate, []), certificate, base.Describe);

    public override OfferedCertificate? Judge(byte[] key, string pem) =>
        Remember(s_offers ??= [], new(key, Encoding.Latin1.GetBytes(pem)), (key, pem), q => base.Judge(q.key, q.pem));

    private static T Remember<TQuestion, T>(Dictionary<Contents, T> known, Contents contents, TQuestion question, Func<TQuestion, T> answer)
    {
        if (!known.TryGetValue(contents, out var remembered))
            known[contents.Copied()] = remembered = answer(question);
        return remembered;
    }

    /// <summary>Two files, told from others by their last bytes first.</summary>
    private readonly struct Contents(byte[] first, byte[] second) : IEquatable<Contents>
    {
        private const int Last = 64;

        private readonly byte[] _first = first, _second = second;

        public Contents Copied() => new([.. _first], [.. _second]);

        public bool Equals(Contents other) => _first.AsSpan().SequenceEqual(other._first) && _second.AsSpan().SequenceEqual(other._second);

        public override bool Equals(object? obj) => obj is Contents other && Equals(other);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            hash.AddBytes(_first.AsSpan(Math.Max(0, _first.Length - Last)));
            hash.AddBytes(_second.AsSpan(Math.Max(0, _second.Length - Last)));
            return hash.ToHashCode();
        }
    }
}
