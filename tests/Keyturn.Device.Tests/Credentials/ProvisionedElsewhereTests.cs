using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>Devices in the field were provisioned with other people's tools; they rotate as they are.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class ProvisionedElsewhereTests : IDisposable
{
    private readonly CertificateAuthority _ca = new();

    public void Dispose() => _ca.Dispose();

    [Theory]
    [InlineData("RSA-2048", "01")]
    [InlineData("ECDSA-P384", "a1b2c3d4e5f60718")]
    [InlineData("ECDSA-P256", null)]
    public void Pkcs11_tool_in_SoftHSM(string algorithm, string? id)
    {
        using var token = new SoftHsm();
        token.Provision(_ca, KeyAlgorithm.Find(algorithm)!, id);
        Rotates(token);
    }

    [Theory]
    [InlineData("RSA-2048", "01")]
    [InlineData("ECDSA-P256", "02")]
    public void Pkcs11_tool_in_a_TPM(string algorithm, string id)
    {
        using var token = new Tpm();
        token.Provision(_ca, KeyAlgorithm.Find(algorithm)!, id);
        Rotates(token);
    }

    [Fact]
    public void A_key_imported_with_softhsm2_util()
    {
        using var token = new SoftHsm();
        using var key = RSA.Create(2048);
        File.WriteAllText(token.Combine("key.pem"), key.ExportPkcs8PrivateKeyPem());
        Tool.Run(token.Environment, "softhsm2-util", "--import", token.Combine("key.pem"), "--token", "device", "--label", TestToken.Label, "--id", "A1", "--pin", TestToken.Pin);
        Certify(token, new PublicKey(key), "a1");
        Rotates(token);
    }

    [Theory]
    [InlineData("ecc256")]
    [InlineData("rsa2048")]
    public void A_key_made_with_tpm2_ptool(string algorithm)
    {
        using var token = new Tpm();
        var store = token.Combine("store");
        Tool.Run(token.Environment, "tpm2_ptool", "addkey", "--algorithm=" + algorithm, "--label=device", "--key-label=" + TestToken.Label, "--userpin=" + TestToken.Pin, "--id=0f", "--path", store);
        token.Pkcs11Tool("--read-object", "--type", "pubkey", "--label", TestToken.Label, "--output-file", token.Combine("public.der"));
        using var certificate = _ca.Certify(PublicKey.CreateFromSubjectPublicKeyInfo(File.ReadAllBytes(token.Combine("public.der")), out _));
        File.WriteAllText(token.Combine("certificate.pem"), certificate.ExportCertificatePem());
        Tool.Run(token.Environment, "tpm2_ptool", "addcert", "--label=device", "--key-label=" + TestToken.Label, "--path", store, token.Combine("certificate.pem"));
        Rotates(token);
    }

    [Fact]
    public void Another_key_with_the_same_id_and_other_objects_are_left_alone()
    {
        using var token = new SoftHsm();
        token.Provision(_ca, KeyAlgorithm.EcdsaP256, "01", label: "somebody-else");
        token.Provision(_ca, KeyAlgorithm.EcdsaP256, "01");
        Rotates(token, 3);
        Assert.Equal(["cert somebody-else 01", "private somebody-else 01", "public somebody-else 01"], SecondOpinion.Objects(token).Where(o => o.Contains("somebody", StringComparison.Ordinal)));
    }

    private void Certify(TestToken token, PublicKey key, string id)
    {
        File.WriteAllBytes(token.Combine("certificate.der"), _ca.Certify(key).RawData);
        token.Pkcs11Tool("--write-object", token.Combine("certificate.der"), "--type", "cert", "--label", TestToken.Label, "--id", id);
    }

    private void Rotates(TestToken token, int others = 0)
    {
        var store = token.Store();
        var old = store.Inspect().CertificateId;
        store.CheckInUse();
        var pair = store.Prepare(new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256));
        Assert.Equal(old, store.Inspect().CertificateId);
        var made = store.StoreCertificate(pair.New, _ca.Sign(store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        store.SwitchTo(pair.New, mustBeReached: true);
        store.SwitchTo(pair.Old, mustBeReached: false);
        store.SwitchTo(pair.New, mustBeReached: true);
        store.Remove(pair.Old);
        using var used = SecondOpinion.PairInUse(token);
        Assert.Equal(made.CertificateId, used.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
        Assert.Equal(3 + others, SecondOpinion.Objects(token).Length);
    }
}
