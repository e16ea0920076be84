using System.Security.Cryptography;
using Keyturn.Backend.Tests.World;
using Keyturn.Device.Tests;

namespace Keyturn.Simulation;

/// <summary>What every device leaves it with.</summary>
internal static class Factory
{
    private static readonly Lazy<(string Key, string Certificate, string Id)> s_credential = new(() =>
    {
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (pem, certificate) = ca.Issue(key);
        return (pem, certificate, InMemoryRegistry.IdOf(certificate));
    });

    public static (string Key, string Certificate, string Id) Credential => s_credential.Value;
}
