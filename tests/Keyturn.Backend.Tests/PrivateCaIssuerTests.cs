using Keyturn.Backend.Aws;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>The order as AWS Private CA gets it, and what is made of each of its answers.</summary>
public sealed class PrivateCaIssuerTests : CertificateIssuerContract, IAsyncDisposable
{
    private static readonly PrivateCaSettings Settings = new(ScriptedAuthority.Arn, "SHA256WITHRSA", 7, null);
    private readonly ScriptedAuthority _authority = new();
    private readonly SkippingClock _clock = new(DateTimeOffset.UnixEpoch.AddYears(56));

    internal override ICertificateIssuer Issuer => With(Settings);

    internal override IRegistry Registry => new IotRegistry(_authority.Iot);

    [Fact]
    public async Task The_order_has_the_settings_and_the_rotation_for_a_token_and_leaves_the_subject_to_the_CSR()
    {
        await IssueAsync(Cloud.Csr(0), "0123456789abcdef0123456789abcdef");
        var order = Assert.Single(_authority.Orders);
        Assert.Equal(
            ["CertificateAuthorityArn", "Csr", "SigningAlgorithm", "Validity", "IdempotencyToken"], order.EnumerateObject().Select(p => p.Name));
        Assert.Equal(ScriptedAuthority.Arn, order.GetProperty("CertificateAuthorityArn").GetString());
        Assert.Equal("""{"Value":7,"Type":"DAYS"}""", order.GetProperty("Validity").GetRawText());
        Assert.Equal("0123456789abcdef0123456789abcdef", order.GetProperty("IdempotencyToken").GetString());
    }

    [Fact]
    public async Task Each_of_the_six_algorithms_is_asked_for_as_it_is_set()
    {
        foreach (var algorithm in PrivateCaSettings.SigningAlgorithms)
        {
            await With(Settings with { SigningAlgorithm = algorithm }).IssueAsync(new IssueOrder("pump1", algorithm, Cloud.Csr(0)), Cancellation);
            Assert.Equal(algorithm, _authority.Orders[^1].GetProperty("SigningAlgorithm").GetString());
        }

        Assert.Equal(6, _authority.Orders.Count);
    }

    [Theory]
    [InlineData("arn:aws:acm-pca:::template/EndEntityClientAuthCertificate_APIPassthrough/V1", 5, "thing")]
    [InlineData("arn:aws:acm-pca:::template/BlankEndEntityCertificate_APIPassthrough/V1", 65, "rotation")]
    [InlineData("arn:aws:acm-pca:::template/EndEntityClientAuthCertificate/V1", 5, null)]
    public async Task The_subject_is_the_server_s_where_the_template_takes_one(string template, int length, string? subject)
    {
        var thing = new string('t', length);
        await With(Settings with { TemplateArn = template }).IssueAsync(new IssueOrder(thing, "rotation", Cloud.Csr(0)), Cancellation);
        var order = Assert.Single(_authority.Orders);
        Assert.Equal(template, order.GetProperty("TemplateArn").GetString());
        Assert.Equal(subject is not null, order.TryGetProperty("ApiPassthrough", out var passed));
        if (subject is not null)
        {
            Assert.Equal(subject == "thing" ? thing : subject, passed.GetProperty("Subject").GetProperty("CommonName").GetString());
        }
    }

    [Fact]
    public async Task It_waits_longer_each_time_until_the_certificate_is_there()
    {
        _authority.InProgress = 4;
        var start = _clock.GetUtcNow();
        await Issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation);
        Assert.Equal(5, _authority.Calls.Count(c => c == "GetCertificate"));
        Assert.InRange(_clock.GetUtcNow() - start, TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(4));
        Assert.Single(_authority.Orders);
    }

    [Fact]
    public async Task It_gives_up_in_the_invocation_s_time_and_a_later_one_gets_the_same_certificate()
    {
        _authority.InProgress = 11;
        var start = _clock.GetUtcNow();
        var error = await Assert.ThrowsAsync<DependencyException>(
            () => Issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
        Assert.Equal("RequestInProgressException", error.Code);
        Assert.InRange(_clock.GetUtcNow() - start, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(30));
        await IssueAsync(Cloud.Csr(0), "r");
        Assert.Single(_authority.Statuses);
    }

    [Theory]
    [InlineData("IssueCertificate", false)]
    [InlineData("IssueCertificate", true)]
    [InlineData("GetCertificate", false)]
    [InlineData("GetCertificate", true)]
    [InlineData("RegisterCertificateWithoutCA", false)]
    [InlineData("RegisterCertificateWithoutCA", true)]
    public async Task Broken_off_anywhere_the_same_order_ends_with_one_certificate(string call, bool afterEffect)
    {
        _authority.FailWith = operation => operation == call ? ("AccessDeniedException", afterEffect) : null;
        await Assert.ThrowsAsync<DependencyException>(() => Issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
        _authority.FailWith = null;
        var issued = await IssueAsync(Cloud.Csr(0), "r");
        var again = await IssueAsync(Cloud.Csr(0), "r");
        Assert.Equal(issued, again);
        Assert.Equal((issued.Certificate.Id, "ACTIVE"), Assert.Single(_authority.Statuses.Select(s => (s.Key, s.Value))));
    }

    [Theory]
    [InlineData("ValidationException")]
    [InlineData("InvalidArgsException")]
    [InlineData("InvalidArnException")]
    [InlineData("InvalidStateException")]
    [InlineData("ResourceNotFoundException")]
    public async Task What_asking_again_won_t_cure_is_refused_with_the_service_s_words(string error)
    {
        _authority.FailWith = operation => operation == "IssueCertificate" ? (error, false) : null;
        var refused = Assert.IsType<IssueOutcome.Refused>(await Issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
        Assert.Equal($"AWS Private CA does not sign it: {error}: as scripted", refused.Reason);
    }

    public ValueTask DisposeAsync() => _authority.DisposeAsync();

    private PrivateCaIssuer With(PrivateCaSettings settings) => new(_authority.Pca, _authority.Iot, settings, _clock);
}
