using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>The six ways a private CA signs.</summary>
internal static class SigningAlgorithm
{
    public static readonly MemberRule Rule = new(values:
        ["SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA", "SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA"]);

    public static HashAlgorithmName Hash(string algorithm) => algorithm[..6] switch
    {
        "SHA256" => HashAlgorithmName.SHA256,
        "SHA384" => HashAlgorithmName.SHA384,
        _ => HashAlgorithmName.SHA512,
    };

    public static X509SignatureGenerator Generator(AsymmetricAlgorithm key) => key is RSA rsa
        ? X509SignatureGenerator.CreateForRSA(rsa, RSASignaturePadding.Pkcs1)
        : X509SignatureGenerator.CreateForECDsa((ECDsa)key);

    /// <summary>The family must be that of the CA's key; any hash goes with any key.</summary>
    public static void CheckFamily(string algorithm, string keyAlgorithm)
    {
        var family = keyAlgorithm.StartsWith("RSA", StringComparison.Ordinal) ? "WITHRSA" : "WITHECDSA";
        if (!algorithm.EndsWith(family, StringComparison.Ordinal))
        {
            throw PcaErrors.InvalidArgs(
                $"Signing algorithm {algorithm} cannot be used with key type {keyAlgorithm}. Valid signing algorithms are: "
                + string.Join(", ", Rule.Values!.Where(a => a.EndsWith(family, StringComparison.Ordinal))) + ".");
        }
    }
}
