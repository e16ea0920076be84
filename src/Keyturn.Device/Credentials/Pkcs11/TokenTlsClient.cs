using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using TlsCertificate = Org.BouncyCastle.Tls.Certificate;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>One handshake, TLS 1.2 or 1.3, in which the token signs.</summary>
internal sealed class TokenTlsClient(TokenKey key, X509Certificate2 certificate, TlsTarget target) : DefaultTlsClient(new BcTlsCrypto()), TlsAuthentication
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>Best first. The curve of a key settles which of its own it takes in TLS 1.3.</summary>
    private static readonly int[] Schemes =
    [
        SignatureScheme.rsa_pss_rsae_sha256, SignatureScheme.rsa_pss_rsae_sha384, SignatureScheme.rsa_pss_rsae_sha512,
        SignatureScheme.rsa_pkcs1_sha256, SignatureScheme.rsa_pkcs1_sha384, SignatureScheme.rsa_pkcs1_sha512,
        SignatureScheme.ecdsa_secp256r1_sha256, SignatureScheme.ecdsa_secp384r1_sha384, SignatureScheme.ecdsa_secp521r1_sha512,
    ];

    /// <summary>What the other end sent when it gave up; by this a refusal is told from a broken line.</summary>
    public short? AlertReceived { get; private set; }

    /// <summary>Why the token did not sign, if it did not.</summary>
    public Exception? TokenFailure { get; private set; }

    public override TlsAuthentication GetAuthentication() => this;

    public override void NotifyAlertReceived(short alertLevel, short alertDescription)
    {
        if (alertLevel == AlertLevel.fatal)
            AlertReceived = alertDescription;
    }

    public void NotifyServerCertificate(TlsServerCertificate serverCertificate)
    {
        var presented = serverCertificate.Certificate.GetCertificateList().Select(c => X509CertificateLoader.LoadCertificate(c.GetEncoded())).ToList();
        try
        {
            if (presented.Count == 0 || !IsTrusted(presented))
                throw new TlsFatalAlert(AlertDescription.bad_certificate, $"the certificate of {target.Host} does not come from the nucleus's root CA, or is for another host");
        }
        finally
        {
            presented.ForEach(c => c.Dispose());
        }
    }

    public TlsCredentials? GetClientCredentials(Org.BouncyCastle.Tls.CertificateRequest certificateRequest)
    {
        var is13 = TlsUtilities.IsTlsV13(m_context);
        var offered = certificateRequest.SupportedSignatureAlgorithms ?? [];
        if (Schemes.FirstOrDefault(s => Fits(s, is13) && offered.Any(o => SignatureScheme.From(o) == s)) is not (> 0 and var scheme))
            throw new TlsFatalAlert(AlertDescription.handshake_failure, $"{target.Host} takes no signature that this key can make");
        var algorithm = SignatureScheme.GetSignatureAndHashAlgorithm(scheme);
        var held = Crypto.CreateCertificate(certificate.RawData);
        var entries = new[] { new CertificateEntry(held, null) };
        return new DefaultTlsCredentialedSigner(
            new TlsCryptoParameters(m_context), new Signer(this, scheme), new TlsCertificate(certificateRequest.GetCertificateRequestContext(), entries), algorithm);
    }

    protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.DownTo(ProtocolVersion.TLSv12);

    /// <summary>A server takes no certificate on a curve that was not offered; P-521 is not among those that BouncyCastle offers.</summary>
    protected override IList<int> GetSupportedGroups(IList<int> namedGroupRoles)
    {
        var groups = base.GetSupportedGroups(namedGroupRoles);
        if (!groups.Contains(NamedGroup.secp521r1))
            groups.Add(NamedGroup.secp521r1);
        return groups;
    }

    protected override IList<ServerName> GetSniServerNames() => [new ServerName(NameType.host_name, Encoding.ASCII.GetBytes(target.Host))];

    protected override IList<ProtocolName>? GetProtocolNames() =>
        target.ApplicationProtocol is { } name ? [ProtocolName.AsUtf8Encoding(name)] : null;

    private bool IsTrusted(List<X509Certificate2> presented)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        // From an address of the endpoint's choice, before it is known who it is.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        chain.ChainPolicy.CustomTrustStore.AddRange(target.Roots);
        chain.ChainPolicy.ExtraStore.AddRange(presented.Skip(1).ToArray());
        return chain.Build(presented[0]) && presented[0].MatchesHostname(target.Host, allowWildcards: true, allowCommonName: false);
    }

    private bool Fits(int scheme, bool is13)
    {
        using var ec = key.PublicKey.GetECDsaPublicKey();
        return SignatureScheme.GetSignatureAlgorithm(scheme) == SignatureAlgorithm.ecdsa
            ? ec is not null && (!is13 || scheme == ec.KeySize switch
            {
                256 => SignatureScheme.ecdsa_secp256r1_sha256,
                384 => SignatureScheme.ecdsa_secp384r1_sha384,
                _ => SignatureScheme.ecdsa_secp521r1_sha512,
            })
            : ec is null && (!is13 || SignatureScheme.IsRsaPss(scheme));
    }

    /// <summary>Without a stream signer, BouncyCastle hashes and hands the hash over in both versions.</summary>
    private sealed class Signer(TokenTlsClient client, int scheme) : TlsSigner
    {
        public TlsStreamSigner? GetStreamSigner(SignatureAndHashAlgorithm algorithm) => null;

        public byte[] GenerateRawSignature(SignatureAndHashAlgorithm algorithm, byte[] hash)
        {
            var name = hash.Length switch { 48 => HashAlgorithmName.SHA384, 64 => HashAlgorithmName.SHA512, _ => HashAlgorithmName.SHA256 };
            try
            {
                return client.Key.Sign(hash, name, SignatureScheme.IsRsaPss(scheme));
            }
            catch (Exception e) when (e is CredentialException or IOException)
            {
                client.TokenFailure = e;
                throw new TlsFatalAlert(AlertDescription.internal_error, e);
            }
        }
    }

    private TokenKey Key => key;
}
