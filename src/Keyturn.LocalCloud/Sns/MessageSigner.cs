using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Sns;

/// <summary>
/// Signs what is posted to endpoints, so that a receiver which checks signatures can be tried out here too
/// (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html). On AWS the certificate is Amazon's.
/// </summary>
internal sealed class MessageSigner(TimeProvider time) : IDisposable
{
    public const string CertificatePath = "/SimpleNotificationService.pem";

    private static readonly string[] Signed = ["Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type"];

    private readonly Lazy<X509Certificate2> _certificate = new(() => Create(time.GetUtcNow()));

    public string CertificatePem => _certificate.Value.ExportCertificatePem();

    /// <param name="version">1 is SHA-1, as AWS signs unless the topic asks for 2, which is SHA-256.</param>
    public void Sign(JsonObject message, string version, string apiUrl)
    {
        var text = new StringBuilder();
        foreach (var name in Signed.Where(n => message[n] is not null))
            text.Append(name).Append('\n').Append(message[name]).Append('\n');
        using var key = _certificate.Value.GetRSAPrivateKey()!;
        var signature = key.SignData(
            Encoding.UTF8.GetBytes(text.ToString()), version == "2" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1);
        message["SignatureVersion"] = version;
        message["Signature"] = Convert.ToBase64String(signature);
        message["SigningCertURL"] = apiUrl + CertificatePath;
    }

    public void Dispose()
    {
        if (_certificate.IsValueCreated)
            _certificate.Value.Dispose();
    }

    private static X509Certificate2 Create(DateTimeOffset now)
    {
        using var key = RSA.Create(2048);
        return new CertificateRequest("CN=sns.amazonaws.com", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(now.AddDays(-1), now.AddYears(1));
    }
}
