using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.EndToEnd.Tests.Integration;

/// <summary>The cases that a person can run against a fleet in AWS: script/integration --target aws --thing-group NAME.</summary>
[Trait("Suite", "Integration")]
public sealed class FleetRotates(FleetUnderTest fleet) : IClassFixture<FleetUnderTest>
{
    [Fact]
    public async Task Every_device_of_the_group_gets_a_new_key_and_is_left_with_one_active_certificate()
    {
        var before = new Dictionary<string, string>();
        foreach (var thing in fleet.Things)
            before[thing] = Id(await fleet.TheActiveCertificateAsync(thing));

        var job = await fleet.CreateJobAsync("group");

        foreach (var thing in fleet.Things)
        {
            var execution = await fleet.ExecutionEndAsync(job, thing);
            Assert.True(FleetUnderTest.StatusOf(execution) == "SUCCEEDED", $"{thing}: {execution}");
            Assert.Equal("true", FleetUnderTest.DetailOf(execution, "CertificateRotator"));
            var now = await fleet.EventuallyAsync(
                $"{thing} is rid of its old certificate", () => fleet.ActiveCertificatesAsync(thing), active => active is [var one] && Id(one) != before[thing]);
            Assert.Equal(FleetUnderTest.DetailOf(execution, "certificateId"), Id(now[0]));
            Assert.Contains("ResourceNotFoundException", (await fleet.EventuallyAsync(
                "the old one is deleted", () => fleet.Aws.RunAsync("iot", "describe-certificate", "--certificate-id", before[thing]), answer => answer.ExitCode != 0)).Error);
            using var certificate = X509Certificate2.CreateFromPem(now[0].GetProperty("certificatePem").GetString()!);
            Assert.Equal(Id(now[0]), Convert.ToHexStringLower(certificate.GetCertHash(HashAlgorithmName.SHA256)));
            if (fleet.PrivateCa is null)
                Assert.Contains("Amazon Web Services", certificate.Issuer, StringComparison.Ordinal);
            else
                Assert.DoesNotContain("Amazon Web Services", certificate.Issuer, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Two_jobs_at_once_are_done_one_after_the_other()
    {
        var thing = fleet.Things[0];
        var first = await fleet.CreateJobAsync("first", [thing]);
        var second = await fleet.CreateJobAsync("second", [thing]);

        var one = await fleet.ExecutionEndAsync(first, thing);
        var two = await fleet.ExecutionEndAsync(second, thing);

        Assert.Equal("SUCCEEDED", FleetUnderTest.StatusOf(one));
        Assert.Equal("SUCCEEDED", FleetUnderTest.StatusOf(two));
        Assert.NotEqual(FleetUnderTest.DetailOf(one, "certificateId"), FleetUnderTest.DetailOf(two, "certificateId"));
        await fleet.EventuallyAsync(
            "the second one's certificate is the only one", () => fleet.ActiveCertificatesAsync(thing),
            active => active is [var only] && Id(only) == FleetUnderTest.DetailOf(two, "certificateId"));
    }

    [Fact]
    public async Task A_job_of_somebody_else_is_left_alone()
    {
        var thing = fleet.Things[0];
        var before = Id(await fleet.TheActiveCertificateAsync(thing));
        var foreign = await fleet.CreateJobAsync("foreign", [thing], "--document", """{"operation":"SOMETHING_ELSE"}""");

        await fleet.EventuallyAsync("the job is rolled out", () => fleet.Aws.RunAsync(
            "iot", "describe-job-execution", "--job-id", foreign, "--thing-name", thing), answer => answer.ExitCode == 0);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);

        Assert.Equal("QUEUED", FleetUnderTest.StatusOf(await fleet.ExecutionAsync(foreign, thing)));
        await fleet.Aws.JsonAsync("iot", "cancel-job", "--job-id", foreign);
        Assert.Equal(before, Id(await fleet.TheActiveCertificateAsync(thing)));
    }

    [Fact]
    public async Task A_request_that_nobody_answers_fails_the_job_in_time_and_the_next_job_succeeds()
    {
        var thing = fleet.Things[0];
        var before = Id(await fleet.TheActiveCertificateAsync(thing));
        await fleet.WithoutRuleAsync("CreateCertificate", async () =>
        {
            // A minute to ask in: the device leaves three for an answer that comes late.
            var job = await fleet.CreateJobAsync("unanswered", [thing], "--timeout-config", "inProgressTimeoutInMinutes=4");
            var execution = await fleet.ExecutionEndAsync(job, thing);
            Assert.Equal("FAILED", FleetUnderTest.StatusOf(execution));
            Assert.Contains("too little of the job's time was left", FleetUnderTest.DetailOf(execution, "reason"), StringComparison.Ordinal);
        });
        Assert.Equal(before, Id(await fleet.TheActiveCertificateAsync(thing)));

        var next = await fleet.CreateJobAsync("after-unanswered", [thing]);
        Assert.Equal("SUCCEEDED", FleetUnderTest.StatusOf(await fleet.ExecutionEndAsync(next, thing)));
    }

    [Fact]
    public async Task A_commit_that_nobody_answers_is_repeated_until_somebody_does()
    {
        var thing = fleet.Things[^1];
        var job = "";
        await fleet.WithoutRuleAsync("CommitCertificate", async () =>
        {
            job = await fleet.CreateJobAsync("uncommitted", [thing]);
            await fleet.EventuallyAsync("both certificates are there", () => fleet.ActiveCertificatesAsync(thing), active => active.Count == 2);
            await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
            Assert.Equal("IN_PROGRESS", FleetUnderTest.StatusOf(await fleet.ExecutionAsync(job, thing)));
        });

        Assert.Equal("SUCCEEDED", FleetUnderTest.StatusOf(await fleet.ExecutionEndAsync(job, thing)));
        await fleet.TheActiveCertificateAsync(thing);
    }

    [Fact]
    public async Task A_configuration_by_deployment_is_judged_by_each_device_and_holds_from_the_next_rotation_on()
    {
        var deployments = new FleetDeployments(fleet);
        Assert.SkipUnless(await deployments.MayBeMadeAsync(), "the group has no deployment that the case could leave behind as it was");

        Assert.All(await deployments.ConfigureAsync("""{"keyAlgorithm":"RSA-1024","signingAlgorithm":"SHA256WITHRSA"}"""), device =>
        {
            Assert.Equal("FAILED", device.Status);
            Assert.Contains("keyAlgorithm 'RSA-1024' is none of", device.Reason, StringComparison.Ordinal);
        });
        try
        {
            Assert.All(await deployments.ConfigureAsync("""{"keyAlgorithm":"RSA-3072","signingAlgorithm":"SHA256WITHRSA"}"""), device => Assert.Equal("COMPLETED", device.Status));
            var thing = fleet.Things[0];
            var job = await fleet.CreateJobAsync("configured", [thing]);
            Assert.Equal("SUCCEEDED", FleetUnderTest.StatusOf(await fleet.ExecutionEndAsync(job, thing)));
            using var certificate = X509Certificate2.CreateFromPem((await fleet.TheActiveCertificateAsync(thing)).GetProperty("certificatePem").GetString()!);
            using var key = certificate.GetRSAPublicKey();
            Assert.Equal(3072, key?.KeySize);
        }
        finally
        {
            Assert.All(await deployments.RestoreAsync(), device => Assert.Equal("COMPLETED", device.Status));
        }
    }

    private static string Id(System.Text.Json.JsonElement certificate) => certificate.GetProperty("certificateId").GetString()!;
}
