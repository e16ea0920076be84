using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>What every issuer must keep to.</summary>
public abstract class CertificateIssuerContract
{
    internal abstract ICertificateIssuer Issuer { get; }

    internal abstract IRegistry Registry { get; }

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_certificate_is_of_the_CSR_s_key_registered_active_and_attached_to_nothing()
    {
        var csr = Cloud.Csr(0);
        var issued = await IssueAsync(csr);
        using var certificate = X509Certificate2.CreateFromPem(issued.Pem);
        Assert.Equal(KeyOf(csr), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.Equal(certificate.GetCertHashString(HashAlgorithmName.SHA256), issued.Certificate.Id, ignoreCase: true);
        Assert.EndsWith($":cert/{issued.Certificate.Id}", issued.Certificate.Arn, StringComparison.Ordinal);
        Assert.True((await Registry.FindCertificateAsync(issued.Certificate.Id, Cancellation))!.IsActive);
        Assert.False(await Registry.IsAttachedAsync(issued.Certificate, Cancellation));
    }

    [Fact]
    public async Task It_is_the_leaf_alone_and_no_authority() 
    {
        var issued = await IssueAsync(Cloud.Csr(1));
        Assert.Equal(issued.Pem.TrimEnd().Length, issued.Pem[PemEncoding.Find(issued.Pem).Location].Length);
        using var certificate = X509Certificate2.CreateFromPem(issued.Pem);
        Assert.DoesNotContain(certificate.Extensions.OfType<X509BasicConstraintsExtension>(), e => e.CertificateAuthority);
        Assert.True(issued.Pem.Length < Contracts.WireLimits.AnswerBytes - 500);
    }

    [Fact]
    public async Task A_repeated_order_gives_one_of_the_same_key_and_active_even_after_the_first_was_made_inactive()
    {
        var rotation = Guid.NewGuid().ToString("N");
        var first = await IssueAsync(Cloud.Csr(2), rotation);
        Assert.True(await Registry.DeactivateAsync(first.Certificate, Cancellation));
        var second = await IssueAsync(Cloud.Csr(2), rotation);
        using var certificate = X509Certificate2.CreateFromPem(second.Pem);
        Assert.Equal(KeyOf(Cloud.Csr(2)), certificate.PublicKey.ExportSubjectPublicKeyInfo());
        Assert.True((await Registry.FindCertificateAsync(second.Certificate.Id, Cancellation))!.IsActive);
    }

    [Fact]
    public async Task A_CSR_that_can_t_be_signed_is_a_value()
    {
        var refused = Assert.IsType<IssueOutcome.Refused>(await Issuer.IssueAsync(new IssueOrder("pump1", Guid.NewGuid().ToString("N"), "no csr"), Cancellation));
        Assert.NotEmpty(refused.Reason);
    }

    private protected async Task<IssueOutcome.Issued> IssueAsync(string csr, string? rotation = null, string thing = "pump1") =>
        Assert.IsType<IssueOutcome.Issued>(await Issuer.IssueAsync(new IssueOrder(thing, rotation ?? Guid.NewGuid().ToString("N"), csr), Cancellation));

    private static byte[] KeyOf(string csr) =>
        CertificateRequest.LoadSigningRequestPem(csr, HashAlgorithmName.SHA256).PublicKey.ExportSubjectPublicKeyInfo();
}

[Collection(SharedLocalCloud.Name)]
public sealed class IotIssuerTests(LocalCloudFixture cloud) : CertificateIssuerContract
{
    internal override ICertificateIssuer Issuer { get; } = new IotIssuer(cloud.Iot());

    internal override IRegistry Registry { get; } = new IotRegistry(cloud.Iot());
}
