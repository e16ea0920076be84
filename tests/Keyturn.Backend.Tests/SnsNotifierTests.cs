using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

public sealed class SnsNotifierTests
{
    private static readonly Notice Notice = new(
        NoticeKind.RotationFailed, "pump1", "rotate-1", "r", "create", "UNKNOWN_CERTIFICATE", "there is a second certificate", new string('a', 64),
        "Make it INACTIVE.");

    [Fact]
    public async Task A_person_reads_thing_job_reason_and_what_to_do_and_a_program_the_same_as_JSON()
    {
        await using var server = new ScriptedHttp(_ => new HttpReply(200, "<PublishResponse/>"));
        var sns = new SnsClient(new Amazon.Runtime.BasicAWSCredentials("test", "test"), new Uri($"http://{server.Address}"), "us-east-1");
        await new SnsNotifier(sns, "arn:aws:sns:us-east-1:012345678901:topic").NotifyAsync(Notice, TestContext.Current.CancellationToken);

        var form = Assert.Single(server.Requests).Body.Split('&').Select(p => p.Split('=')).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]));
        Assert.Equal("Certificate rotation failed: pump1", form["Subject"]);
        foreach (var part in new[] { Notice.Thing, Notice.JobId!, Notice.Reason, Notice.InUse!, Notice.ToDo })
        {
            Assert.Contains(part, form["Message"], StringComparison.Ordinal);
        }

        Assert.Equal("""{"kind":"RotationFailed","thing":"pump1","jobId":"rotate-1","rotationId":"r","step":"create","code":"UNKNOWN_CERTIFICATE",""",
            form["MessageAttributes.entry.3.Value.StringValue"][..form["MessageAttributes.entry.3.Value.StringValue"].IndexOf("\"reason\"", StringComparison.Ordinal)]);
    }

    [Fact]
    public async Task A_refusal_of_SNS_names_its_code()
    {
        await using var server = new ScriptedHttp(_ => new HttpReply(
            404, "<ErrorResponse><Error><Type>Sender</Type><Code>NotFound</Code><Message>no topic</Message></Error><RequestId>1</RequestId></ErrorResponse>"));
        var sns = new SnsClient(new Amazon.Runtime.BasicAWSCredentials("test", "test"), new Uri($"http://{server.Address}"), "us-east-1");
        var error = await Assert.ThrowsAsync<DependencyException>(
            () => new SnsNotifier(sns, "arn").NotifyAsync(Notice, TestContext.Current.CancellationToken));
        Assert.Equal(("sns", "NotFound"), (error.Service, error.Code));
    }

    [Fact]
    public void A_subject_fits_what_SNS_takes() =>
        Assert.Equal(99, SnsNotifier.Subject(Notice with { Thing = new string('x', 128) }).Length);
}
