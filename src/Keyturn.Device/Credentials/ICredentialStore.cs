using Keyturn.Contracts;

namespace Keyturn.Device.Credentials;

/// <summary>What the component is told to make.</summary>
internal sealed record KeyOptions(KeyAlgorithm KeyAlgorithm, SigningAlgorithm SigningAlgorithm)
{
    public static readonly KeyOptions Default = new(KeyAlgorithm.Rsa2048, SigningAlgorithm.Sha256WithRsa);
}

/// <summary>The certificate that the nucleus finds where it looks for one.</summary>
/// <param name="CertificateId">As AWS IoT names it: hex SHA-256 of the DER.</param>
internal sealed record CertificateInfo(string CertificateId, DateTimeOffset NotAfter, string KeyAlgorithm);

/// <summary>The names of the credential in use and of the one that was just begun.</summary>
internal sealed record PreparedPair(string Old, string New);

/// <summary>
/// Where the device's key and certificate live. Credentials have names; one of them is in use. Every method may be repeated after a crash at any
/// point of it, and leaves a complete credential in use wherever it stops. Failures are <see cref="CredentialException"/> or
/// <see cref="IOException"/>, with a message for the operator.
/// </summary>
internal interface ICredentialStore
{
    /// <summary><c>file</c> or <c>pkcs11</c>.</summary>
    string Kind { get; }

    CertificateInfo Inspect();

    /// <summary>The credential that the nucleus's paths lead to; nothing while they lead elsewhere.</summary>
    string? InUse { get; }

    /// <summary>Throws unless the nucleus finds a certificate and its private key, and may read both.</summary>
    void CheckInUse();

    /// <summary>Takes the credential in use into the store, unless it is there, and makes a key and a CSR with the same subject beside it, durably.</summary>
    PreparedPair Prepare(KeyOptions options);

    string CertificateRequest(string credential);

    /// <summary>Checks the certificate against the credential's key and keeps it durably. Throws <see cref="CertificateUnfitException"/>.</summary>
    CertificateInfo StoreCertificate(string credential, string certificatePem, DateTimeOffset now);

    /// <summary>A credential to make a connection with, whether it is in use or not.</summary>
    TlsIdentity OpenForTls(string credential);

    /// <param name="mustBeReached">Refuse when the nucleus's paths no longer lead here, because somebody replaced them.</param>
    void SwitchTo(string credential, bool mustBeReached);

    /// <summary>Destroys a credential that is not in use. No matter if it is gone already.</summary>
    void Remove(string credential);

    /// <summary>Destroys all that are not in use.</summary>
    void Sweep();
}

/// <summary>The store can't do what it was asked; what is in use was left as it is.</summary>
internal class CredentialException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The certificate offered is not one for the pending key, or not a valid one.</summary>
internal sealed class CertificateUnfitException(string message, Exception? inner = null) : Exception(message, inner);
