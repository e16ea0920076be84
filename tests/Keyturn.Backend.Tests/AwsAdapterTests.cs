using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

[Collection(SharedLocalCloud.Name)]
public sealed class DynamoRotationLedgerTests(LocalCloudFixture cloud) : RotationLedgerContract
{
    internal override IRotationLedger Ledger { get; } = new DynamoRotationLedger(cloud.DynamoDb(), LocalCloudFixture.LedgerTable, TimeSpan.FromDays(1), TimeProvider.System);
}

[Collection(SharedLocalCloud.Name)]
public sealed class IotAdapterTests(LocalCloudFixture cloud)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_certificate_lives_and_ends_as_the_registry_s_port_says()
    {
        var iot = cloud.Iot();
        var registry = new IotRegistry(iot);
        var thing = await cloud.CreateThingAsync();
        Assert.Empty(await registry.ListCertificatesAsync(thing, Cancellation));

        var issued = await IssueAsync(new IotIssuer(iot), Cloud.MakeCsr("CN=pump1"));
        Assert.True((await registry.FindCertificateAsync(issued.Certificate.Id, Cancellation))!.IsActive);
        await registry.AttachExclusivelyAsync(thing, issued.Certificate, Cancellation);
        await registry.AttachExclusivelyAsync(thing, issued.Certificate, Cancellation);
        Assert.Equal([new ThingCertificate(issued.Certificate, IsExclusive: true)], await registry.ListCertificatesAsync(thing, Cancellation));

        Assert.Equal(DeleteOutcome.StillActive, await registry.DeleteAsync(issued.Certificate, Cancellation));
        Assert.True(await registry.DeactivateAsync(issued.Certificate, Cancellation));
        Assert.True(await registry.DeactivateAsync(issued.Certificate, Cancellation));
        Assert.False((await registry.FindCertificateAsync(issued.Certificate.Id, Cancellation))!.IsActive);
        Assert.Equal(DeleteOutcome.StillAttached, await registry.DeleteAsync(issued.Certificate, Cancellation));
        await registry.DetachAsync(thing, issued.Certificate, Cancellation);
        for (var attempt = 0; await registry.DeleteAsync(issued.Certificate, Cancellation) == DeleteOutcome.StillAttached; attempt++)
        {
            Assert.True(attempt < 100, "detaching never arrived");
            await Task.Delay(100, Cancellation);
        }

        Assert.Equal(DeleteOutcome.Gone, await registry.DeleteAsync(issued.Certificate, Cancellation));
        Assert.Null(await registry.FindCertificateAsync(issued.Certificate.Id, Cancellation));
        Assert.False(await registry.DeactivateAsync(issued.Certificate, Cancellation));
        await registry.DetachAsync(thing, issued.Certificate, Cancellation);
    }

    [Fact]
    public async Task Principals_of_every_page_are_listed()
    {
        var registry = new IotRegistry(cloud.Iot());
        var issuer = new IotIssuer(cloud.Iot());
        var thing = await cloud.CreateThingAsync();
        for (var i = 0; i < 30; i++)
        {
            var issued = await IssueAsync(issuer, Cloud.Csr(i % 8));
            await registry.AttachExclusivelyAsync(thing, issued.Certificate, Cancellation);
        }

        Assert.Equal(30, (await registry.ListCertificatesAsync(thing, Cancellation)).Select(c => c.Certificate.Id).Distinct().Count());
    }

    [Fact]
    public async Task A_csr_that_AWS_IoT_refuses_is_a_value_and_any_other_error_names_service_operation_and_code()
    {
        Assert.IsType<IssueOutcome.Refused>(await new IotIssuer(cloud.Iot()).IssueAsync(new IssueOrder("t", "r", "no csr"), Cancellation));
        var error = await Assert.ThrowsAsync<DependencyException>(
            () => new IotRegistry(cloud.Iot()).ListPoliciesAsync(new Certificate("c", $"arn:aws:iot:us-east-1:012345678901:cert/{new string('0', 64)}"), Cancellation));
        Assert.Equal(("iot", "ListAttachedPolicies", "ResourceNotFoundException"), (error.Service, error.Operation, error.Code));
    }

    [Fact]
    public async Task A_thing_that_is_not_there_has_no_certificates() =>
        Assert.Empty(await new IotRegistry(cloud.Iot()).ListCertificatesAsync("no-such-thing", Cancellation));

    [Fact]
    public async Task The_newest_certificates_come_first_and_tell_when_they_were_made_and_whether_anything_has_them()
    {
        var registry = new IotRegistry(cloud.Iot());
        var issuer = new IotIssuer(cloud.Iot());
        var first = await IssueAsync(issuer, Cloud.Csr(0));
        var second = await IssueAsync(issuer, Cloud.Csr(1));
        var page = await registry.ListNewestAsync(null, Cancellation);
        var at = page.Certificates.Select(c => c.Certificate).ToList();
        Assert.InRange(at.IndexOf(second.Certificate), 0, at.IndexOf(first.Certificate) - 1);
        Assert.InRange(page.Certificates[at.IndexOf(second.Certificate)].CreatedAt, DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow.AddSeconds(1));

        Assert.False(await registry.IsAttachedAsync(second.Certificate, Cancellation));
        await registry.AttachExclusivelyAsync(await cloud.CreateThingAsync(), second.Certificate, Cancellation);
        Assert.True(await registry.IsAttachedAsync(second.Certificate, Cancellation));
    }

    [Fact]
    public async Task A_job_that_is_not_there_has_no_execution() =>
        Assert.Null(await new IotEndedExecutions(cloud.Iot()).FindAsync("no-such-thing", "no-such-job", Cancellation));

    [Fact]
    public async Task An_endpoint_that_nobody_listens_on_is_an_error_of_the_service()
    {
        var dead = new IotClient(new Amazon.Runtime.BasicAWSCredentials("test", "test"), new Uri("http://127.0.0.1:1"), "us-east-1");
        var error = await Assert.ThrowsAsync<DependencyException>(() => new IotRegistry(dead).FindCertificateAsync(new string('a', 64), Cancellation));
        Assert.Equal("Unreachable", error.Code);
    }

    [Fact]
    public void Every_client_slows_down_under_a_quota()
    {
        Assert.Equal(Amazon.Runtime.RequestRetryMode.Adaptive, cloud.Iot().Config.RetryMode);
        Assert.Equal(Amazon.Runtime.RequestRetryMode.Adaptive, new Amazon.DynamoDBv2.AmazonDynamoDBConfig().Paced().RetryMode);
    }

    private static async Task<IssueOutcome.Issued> IssueAsync(IotIssuer issuer, string csr) =>
        Assert.IsType<IssueOutcome.Issued>(await issuer.IssueAsync(new IssueOrder("t", "r", csr), Cancellation));
}
