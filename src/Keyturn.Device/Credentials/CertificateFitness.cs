using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Keyturn.Device.Credentials;

/// <summary>What can be told of an issued certificate without its key.</summary>
internal static class CertificateFitness
{
    /// <summary>A certificate may be dated back a little, and clocks differ by some.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    public static X509Certificate2 Check(string pem, DateTimeOffset now)
    {
        X509Certificate2 certificate;
        try
        {
            certificate = KeyMaterial.Certificate(Encoding.ASCII.GetBytes(pem));
        }
        catch (CredentialException e)
        {
            throw new CertificateUnfitException("the answer holds no certificate", e);
        }
        if (certificate.NotAfter.ToUniversalTime() > now.UtcDateTime && certificate.NotBefore.ToUniversalTime() <= (now + ClockSkew).UtcDateTime)
            return certificate;
        using (certificate)
            throw new CertificateUnfitException($"the certificate is valid from {certificate.NotBefore:u} to {certificate.NotAfter:u}, and the cloud's time is {now:u}");
    }
}
