using System.Security.Cryptography;
using System.Text;
using Keyturn.Backend.Tests.World;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests;

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
    private static Dictionary<string, bool>? s_pairs;

    [ThreadStatic]
    private static Dictionary<string, CertificateInfo>? s_infos;

    [ThreadStatic]
    private static Dictionary<string, OfferedCertificate?>? s_offers;

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
        Remember(s_pairs ??= [], Text(key) + Text(certificate), () => base.ArePair(key, certificate));

    public override CertificateInfo Describe(byte[] certificate) => Remember(s_infos ??= [], Text(certificate), () => base.Describe(certificate));

    public override OfferedCertificate? Judge(byte[] key, string pem) => Remember(s_offers ??= [], Text(key) + pem, () => base.Judge(key, pem));

    public static T Remember<T>(Dictionary<string, T> known, string question, Func<T> answer)
    {
        if (!known.TryGetValue(question, out var remembered))
            known[question] = remembered = answer();
        return remembered;
    }

    private static string Text(byte[] content) => Encoding.Latin1.GetString(content);
}

/// <summary>Signs the n-th time that it is asked for the same in a run what it signed the n-th time in every run.</summary>
internal sealed class VirtualAuthority
{
    [ThreadStatic]
    private static CertificateAuthority? s_ca;

    [ThreadStatic]
    private static Dictionary<string, string>? s_signed;

    private static readonly Lazy<(string Key, string Certificate, string Id)> s_factory = new(() =>
    {
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (pem, certificate) = ca.Issue(key);
        return (pem, certificate, InMemoryRegistry.IdOf(certificate));
    });

    private readonly Dictionary<string, int> _asked = [];

    /// <summary>What every device leaves the factory with.</summary>
    public static (string Key, string Certificate, string Id) AtTheFactory => s_factory.Value;

    public string Sign(string csr)
    {
        var times = _asked[csr] = _asked.GetValueOrDefault(csr) + 1;
        return RememberedFiles.Remember(s_signed ??= [], $"{times} {csr}", () => (s_ca ??= new CertificateAuthority()).Sign(csr));
    }
}
