using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Device.Credentials;

/// <summary>Whom to expect at the other end.</summary>
/// <param name="Roots">The only authorities that its certificate may come from.</param>
internal sealed record TlsTarget(string Host, X509Certificate2Collection Roots, string? ApplicationProtocol);

/// <summary>A credential as a TLS client, wherever its key is.</summary>
internal abstract class TlsIdentity(X509Certificate2 certificate) : IDisposable
{
    public X509Certificate2 Certificate => certificate;

    /// <summary>Makes a TLS stream of a plain one. Failures are <see cref="IOException"/> or <see cref="System.Security.Authentication.AuthenticationException"/>.</summary>
    public abstract Task<Stream> AuthenticateAsync(Stream transport, TlsTarget target, CancellationToken cancellation);

    public void Dispose() => certificate.Dispose();
}

/// <summary>A key that this process can read.</summary>
internal sealed class FileTlsIdentity(X509Certificate2 certificate) : TlsIdentity(certificate)
{
    public override async Task<Stream> AuthenticateAsync(Stream transport, TlsTarget target, CancellationToken cancellation)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            // From an address of the endpoint's choice, before it is known who it is.
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.AddRange(target.Roots);
        var tls = new SslStream(transport);
        using var stored = OperatingSystem.IsWindows() ? Stored(Certificate) : null;
        try
        {
            var options = new SslClientAuthenticationOptions
            {
                TargetHost = target.Host,
                CertificateChainPolicy = policy,
                ClientCertificateContext = SslStreamCertificateContext.Create(stored ?? Certificate, additionalCertificates: null, offline: true),
                ApplicationProtocols = target.ApplicationProtocol is { } protocol ? [new SslApplicationProtocol(protocol)] : null,
            };
            await tls.AuthenticateAsClientAsync(options, cancellation).ConfigureAwait(false);
            return tls;
        }
        catch
        {
            await tls.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Windows makes connections with keys that its key store knows. This one is deleted from there when the certificate is disposed of.</summary>
    private static X509Certificate2 Stored(X509Certificate2 certificate)
    {
        var bundle = certificate.Export(X509ContentType.Pkcs12);
        try
        {
            return X509CertificateLoader.LoadPkcs12(bundle, password: null);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(bundle);
        }
    }
}
