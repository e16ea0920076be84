using System.Security.Cryptography;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Keyturn.Backend;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Ports;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>
/// The deployed function with its own role, on what a fleet may have left an hour ago. The ledger's records are written by hand, since no
/// test waits that long.
/// </summary>
[Collection(SharedAttackedCloud.Name)]
public sealed class TheSweep(AttackedCloud cloud)
{
    private static readonly DateTimeOffset HourAgo = TimeProvider.System.GetUtcNow().AddHours(-1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ends_finishes_and_retires_what_was_left_and_tells_of_a_silent_device()
    {
        using var dynamo = new AmazonDynamoDBClient(
            new BasicAWSCredentials("test", "test"), new AmazonDynamoDBConfig { ServiceURL = cloud.Fleet.Cloud.Api.ToString(), AuthenticationRegion = "us-east-1" });
        var ledger = new DynamoRotationLedger(dynamo, "AWSLabsCertificateRotatorLedger", null, TimeProvider.System);

        // A rotation whose job is gone, and of whose end nobody heard.
        var unheard = await cloud.AddThingAsync();
        await OpenAsync(ledger, unheard, RotationState.Issued, await NewCertificateAsync(unheard));

        // A closing that died before it removed the old certificate.
        var halfDone = await cloud.AddThingAsync();
        var renewed = await NewCertificateAsync(halfDone);
        await OpenAsync(ledger, halfDone, RotationState.ClosedNew, renewed);

        // A certificate that was made and never recorded, beside one of somebody else that was made in the same minute.
        var orphaned = await cloud.AddThingAsync();
        using var key = Credential.NewKey();
        var orphan = await cloud.Iot.CreateCertificateFromCsrAsync(orphaned.Csr(key), setAsActive: true, Cancellation);
        var bystander = await NewCertificateAsync(null);
        var abandoned = await OpenAsync(ledger, orphaned, RotationState.Abandoned, null, Convert.ToHexStringLower(SHA256.HashData(key.ExportSubjectPublicKeyInfo())));
        await Task.Delay(1100, Cancellation);
        await ledger.TryUpdateAsync(
            abandoned with { JobEndedAt = 1, Unrecorded = new UnrecordedWindow(HourAgo, TimeProvider.System.GetUtcNow()) }, Cancellation);

        // A device that used to attest.
        var silent = await cloud.AddThingAsync();
        await ledger.RecordHeardAsync(new HeardDevice(silent.Name, HourAgo.AddHours(-72), silent.Credential.Id, "2.0.0", "file", 1), Cancellation);

        for (var run = 0; run < 2; run++)
            Assert.Equal("null", await cloud.Functions.InvokeAsync("AWSLabsCertificateRotatorReconcileCertificate", new { source = "aws.events" }));

        Assert.Contains("DELETED", Assert.Single(await unheard.NoticesAsync()).GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(2, (await unheard.CertificatesAsync()).Length);
        Assert.Equal([renewed!.Id], await halfDone.CertificatesAsync());
        Assert.Null(await halfDone.StatusOfAsync(halfDone.Credential.Id));
        Assert.Null(await orphaned.StatusOfAsync(orphan.CertificateId));
        Assert.Equal("ACTIVE", await orphaned.StatusOfAsync(orphaned.Credential.Id));
        Assert.Equal("ACTIVE", await orphaned.StatusOfAsync(bystander.Id));
        Assert.Contains("last heard", Assert.Single(await silent.NoticesAsync()).GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Empty(await halfDone.NoticesAsync());
        Assert.Empty(await orphaned.NoticesAsync());
    }

    private async Task<Certificate> NewCertificateAsync(AttackedThing? thing)
    {
        using var key = Credential.NewKey();
        var created = await cloud.Iot.CreateCertificateFromCsrAsync(Credential.CsrOf(key, "x"), setAsActive: true, Cancellation);
        if (thing is not null)
            await cloud.Iot.AttachThingPrincipalAsync(thing.Name, created.CertificateArn, "EXCLUSIVE_THING", Cancellation);
        return new Certificate(created.CertificateId, created.CertificateArn);
    }

    private static async Task<Rotation> OpenAsync(DynamoRotationLedger ledger, AttackedThing thing, RotationState state, Certificate? created, string? keyHash = null)
    {
        var rotation = new Rotation
        {
            Thing = thing.Name,
            RotationId = Guid.NewGuid().ToString("N"),
            JobId = "gone",
            QueuedAt = HourAgo.ToUnixTimeSeconds(),
            ExecutionNumber = 1,
            State = state,
            KeyHash = keyHash ?? Guid.NewGuid().ToString("N"),
            Old = new Certificate(thing.Credential.Id, thing.Credential.Arn),
            New = created,
            SpeaksTokens = true,
            Trail = [new Transition(RotationState.Issuing, HourAgo, thing.Credential.Id), new Transition(state, HourAgo, null)],
        };
        Assert.Equal(OpenOutcome.Opened, await ledger.OpenAsync(rotation, null, Cancellation));
        return rotation;
    }
}
