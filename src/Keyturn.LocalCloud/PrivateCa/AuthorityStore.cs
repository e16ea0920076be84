using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>The private CAs of the account. One lock guards them and what they issued.</summary>
internal sealed partial class AuthorityStore(TimeProvider time) : IDisposable
{
    public Lock Gate { get; } = new();

    /// <summary>In order of creation.</summary>
    public OrderedDictionary<string, CertificateAuthority> All { get; } = new(StringComparer.Ordinal);

    public CertificateAuthority Find(string arn)
    {
        if (!AuthorityArn().IsMatch(arn))
            throw PcaErrors.InvalidArn(arn);
        return All.GetValueOrDefault(arn) ?? throw PcaErrors.NotFound(arn);
    }

    public CertificateAuthority Create(string type, JsonObject configuration, string usageMode, string keyStorage, Guid? id = null)
    {
        var key = NewKey(configuration["KeyAlgorithm"]!.GetValue<string>());
        var arn = CloudAccount.Local.Arn("acm-pca", $"certificate-authority/{id ?? Guid.NewGuid()}");
        var authority = new CertificateAuthority(arn, type, configuration, key, time.GetUtcNow()) { UsageMode = usageMode, KeyStorage = keyStorage };
        All.Add(arn, authority);
        return authority;
    }

    /// <summary>A root that is ready to issue, as an operator would have made it before the stack is deployed.</summary>
    public CertificateAuthority CreateReady(PrivateCaChoice choice)
    {
        var configuration = new JsonObject
        {
            ["KeyAlgorithm"] = choice.KeyAlgorithm,
            ["SigningAlgorithm"] = choice.KeyAlgorithm.StartsWith("RSA", StringComparison.Ordinal) ? "SHA256WITHRSA" : "SHA256WITHECDSA",
            ["Subject"] = new JsonObject { ["Organization"] = "Example", ["CommonName"] = "Example Device CA" },
        };
        lock (Gate)
        {
            var authority = Create("ROOT", configuration, choice.UsageMode, "FIPS_140_2_LEVEL_3_OR_HIGHER", choice.Id);
            authority.CsrIsReady = true;
            var now = time.GetUtcNow();
            var request = new CertificateRequest(
                Subject.Read(configuration["Subject"]!.AsObject()), authority.PublicKey, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
            CertificateTemplate.Find("arn:aws:acm-pca:::template/RootCACertificate/V1").Fill(request, authority.PublicKey, null, null);
            authority.Install(
                request.Create(request.SubjectName, SigningAlgorithm.Generator(authority.Key), now.AddHours(-1), now.AddYears(10), Issuance.NewSerial()), null, now);
            return authority;
        }
    }

    public void Dispose()
    {
        foreach (var authority in All.Values)
            authority.Dispose();
    }

    private static AsymmetricAlgorithm NewKey(string algorithm) => algorithm switch
    {
        "RSA_2048" => RSA.Create(2048),
        "RSA_3072" => RSA.Create(3072),
        "RSA_4096" => RSA.Create(4096),
        "EC_prime256v1" => ECDsa.Create(ECCurve.NamedCurves.nistP256),
        "EC_secp384r1" => ECDsa.Create(ECCurve.NamedCurves.nistP384),
        _ => ECDsa.Create(ECCurve.NamedCurves.nistP521),
    };

    [GeneratedRegex(@"\Aarn:[\w+=/,.@-]+:acm-pca:[\w+=/,.@-]*:[0-9]*:certificate-authority/[\w-]+\z")]
    private static partial Regex AuthorityArn();
}

/// <summary>What <c>--private-ca</c> asks for.</summary>
/// <param name="Id">The last part of its ARN, for a stack that was synthesized for that CA; null: a new one.</param>
internal sealed record PrivateCaChoice(string KeyAlgorithm, bool ShortLived, Guid? Id)
{
    public string UsageMode => ShortLived ? "SHORT_LIVED_CERTIFICATE" : "GENERAL_PURPOSE";

    /// <returns>Null for what is no choice.</returns>
    public static PrivateCaChoice? Parse(string text)
    {
        var parts = text.Split(',');
        string? key = parts[0] switch
        {
            "rsa2048" => "RSA_2048",
            "rsa3072" => "RSA_3072",
            "rsa4096" => "RSA_4096",
            "ec256" => "EC_prime256v1",
            "ec384" => "EC_secp384r1",
            "ec521" => "EC_secp521r1",
            _ => null,
        };
        if (key is null)
            return null;
        var choice = new PrivateCaChoice(key, false, null);
        foreach (var part in parts[1..])
        {
            if (part == "short-lived" && !choice.ShortLived)
                choice = choice with { ShortLived = true };
            else if (part.StartsWith("id=", StringComparison.Ordinal) && choice.Id is null && Guid.TryParseExact(part[3..], "D", out var id))
                choice = choice with { Id = id };
            else
                return null;
        }

        return choice;
    }
}
