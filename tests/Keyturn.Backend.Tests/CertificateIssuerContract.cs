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

/// <summary>An authority in short-lived mode, as the local cloud plays it: the first look at a certificate finds it in progress.</summary>
[Collection(SharedLocalCloud.Name)]
public sealed class PrivateCaIssuerOnLocalCloudTests(LocalCloudFixture cloud) : CertificateIssuerContract
{
    internal override ICertificateIssuer Issuer => With("SHA256WITHECDSA", 7, null);

    internal override IRegistry Registry { get; } = new IotRegistry(cloud.Iot());

    [Theory]
    [InlineData("SHA256WITHECDSA")]
    [InlineData("SHA384WITHECDSA")]
    [InlineData("SHA512WITHECDSA")]
    public async Task It_lives_as_long_as_it_is_set_to_under_the_name_of_the_thing(string algorithm)
    {
        var issuer = With(algorithm, 3, "arn:aws:acm-pca:::template/EndEntityClientAuthCertificate_APIPassthrough/V1");
        var issued = Assert.IsType<IssueOutcome.Issued>(
            await issuer.IssueAsync(new IssueOrder("gateway-7", Guid.NewGuid().ToString("N"), Cloud.Csr(3)), Cancellation));
        using var certificate = X509Certificate2.CreateFromPem(issued.Pem);
        Assert.Equal("CN=gateway-7", certificate.Subject);
        Assert.InRange(certificate.NotAfter.ToUniversalTime() - DateTime.UtcNow, TimeSpan.FromDays(2.9), TimeSpan.FromDays(3.1));
    }

    [Fact]
    public async Task The_same_order_gives_the_same_certificate()
    {
        var rotation = Guid.NewGuid().ToString("N");
        Assert.Equal(await IssueAsync(Cloud.Csr(4), rotation), await IssueAsync(Cloud.Csr(4), rotation));
    }

    [Theory]
    [InlineData("SHA256WITHECDSA", 8)]
    [InlineData("SHA256WITHRSA", 7)]
    public async Task Settings_that_do_not_suit_the_authority_are_refused_with_its_words(string algorithm, long days)
    {
        var refused = Assert.IsType<IssueOutcome.Refused>(
            await With(algorithm, days, null).IssueAsync(new IssueOrder("pump1", Guid.NewGuid().ToString("N"), Cloud.Csr(5)), Cancellation));
        Assert.StartsWith("AWS Private CA does not sign it: ", refused.Reason, StringComparison.Ordinal);
    }

    private PrivateCaIssuer With(string algorithm, long days, string? template) =>
        new(cloud.Pca(), cloud.Iot(), new PrivateCaSettings(cloud.PrivateCaArn, algorithm, days, template), TimeProvider.System);
}
