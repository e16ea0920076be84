using Keyturn.Device.Tests;

namespace Keyturn.Simulation;

/// <summary>Signs the n-th time that it is asked for the same in a run what it signed the n-th time in every run.</summary>
internal sealed class RememberedAuthority
{
    [ThreadStatic]
    private static CertificateAuthority? s_ca;

    [ThreadStatic]
    private static Dictionary<(int Times, string Csr), string>? s_signed;

    private readonly Dictionary<string, int> _asked = [];

    public string Sign(string csr)
    {
        var times = _asked[csr] = _asked.GetValueOrDefault(csr) + 1;
        var signed = s_signed ??= [];
        if (!signed.TryGetValue((times, csr), out var certificate))
            signed[(times, csr)] = certificate = (s_ca ??= new CertificateAuthority()).Sign(csr);
        return certificate;
    }
}
