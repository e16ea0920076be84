using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>A key that stays in the token: TLS by BouncyCastle, since .NET's own takes no key of another maker on Linux.</summary>
internal sealed class TokenTlsIdentity(X509Certificate2 certificate, TokenKey key) : TlsIdentity(certificate)
{
    public override async Task<Stream> AuthenticateAsync(Stream transport, TlsTarget target, CancellationToken cancellation)
    {
        var stream = new TokenTlsStream(transport, new TokenTlsClient(key, Certificate, target));
        try
        {
            await stream.HandshakeAsync(cancellation).ConfigureAwait(false);
            return stream;
        }
        catch
        {
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
