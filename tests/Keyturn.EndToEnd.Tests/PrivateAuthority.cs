using System.Text.Json;

namespace Keyturn.EndToEnd.Tests;

/// <summary>Certificates of a private CA, signed in each way that the CA's key allows.</summary>
public sealed class PrivateAuthority
{
    [Theory]
    [InlineData("rsa2048", "SHA256WITHRSA", "1.2.840.113549.1.1.11")]
    [InlineData("rsa2048", "SHA384WITHRSA", "1.2.840.113549.1.1.12")]
    [InlineData("rsa2048", "SHA512WITHRSA", "1.2.840.113549.1.1.13")]
    [InlineData("ec256", "SHA256WITHECDSA", "1.2.840.10045.4.3.2")]
    [InlineData("ec384", "SHA384WITHECDSA", "1.2.840.10045.4.3.3")]
    [InlineData("ec521", "SHA512WITHECDSA", "1.2.840.10045.4.3.4")]
    public async Task Signs_the_new_certificate_as_the_stack_is_told_to(string key, string signing, string oid)
    {
        await using var fleet = await LocalFleet.StartAsync("--private-ca", key, "--parameter", "PcaCaArn={private-ca}", "--parameter", "PcaSigningAlgorithm=" + signing);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.True(execution.GetProperty("status").GetString() == "SUCCEEDED", execution.GetRawText());
        using var credential = device.ReadCredential();
        Assert.Equal(oid, credential.SignatureAlgorithm.Value);
        Assert.DoesNotContain("Amazon Web Services", credential.Issuer, StringComparison.Ordinal);
    }
}
