using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Certificates that a caller brings.</summary>
internal static class CertificatePem
{
    public static X509Certificate2 Read(string pem)
    {
        try
        {
            return X509Certificate2.CreateFromPem(pem);
        }
        catch (CryptographicException)
        {
            throw new ApiException(400, "CertificateValidationException", "The certificate is not a valid PEM-encoded X.509 certificate.");
        }
    }
}
