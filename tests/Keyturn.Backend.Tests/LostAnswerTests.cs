using System.Text.Json;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;

namespace Keyturn.Backend.Tests;

/// <summary>Calls that took effect, and whose answers did not arrive or say something else than they seem to: the SDK repeats them on its own.</summary>
public sealed class LostAnswerTests
{
    private const string Created = """{"certificateId":"c","certificateArn":"arn:c","certificatePem":"pem"}""";
    private static readonly BasicAWSCredentials Credentials = new("test", "test");
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task An_order_that_may_have_made_a_certificate_is_not_repeated_and_is_an_error(int status)
    {
        var lost = true;
        await using var server = new ScriptedHttp(_ => !lost ? new HttpReply(200, Created) : status == 0 ? null : new HttpReply(status, """{"message":"as scripted"}"""));
        var issuer = new IotIssuer(Iot(server));
        await Assert.ThrowsAsync<DependencyException>(() => issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
        Assert.Single(server.Requests);

        lost = false;
        Assert.IsType<IssueOutcome.Issued>(await issuer.IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
    }

    [Fact]
    public async Task An_order_that_was_refused_for_the_quota_is_repeated()
    {
        var throttled = 2;
        await using var server = new ScriptedHttp(_ => throttled-- > 0
            ? new HttpReply(400, """{"message":"Rate exceeded"}""", "x-amzn-errortype: ThrottlingException\r\n")
            : new HttpReply(200, Created));
        Assert.IsType<IssueOutcome.Issued>(await new IotIssuer(Iot(server)).IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation));
        Assert.Equal(3, server.Requests.Count);
    }

    [Fact]
    public async Task What_may_be_repeated_is()
    {
        var lost = 1;
        await using var server = new ScriptedHttp(_ => lost-- > 0 ? null : new HttpReply(200, "{}"));
        Assert.True(await new IotRegistry(Iot(server)).DeactivateAsync(new Certificate("c", "arn:c"), Cancellation));
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task The_claim_of_a_notice_is_known_again_by_who_made_it_and_by_nobody_else()
    {
        JsonElement? stored = null;
        await using var server = new ScriptedHttp(request =>
        {
            if (stored is { } item)
            {
                return Refusal($$"""{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"no","Item":{{item.GetRawText()}}}""");
            }

            stored = JsonElement.Parse(request.Body).GetProperty("Item");
            return null;
        });
        Assert.Equal(NoticeClaim.Granted, await Ledger(server).TryClaimNoticeAsync("pump1", "n", Now, Now.AddSeconds(50), Cancellation));
        Assert.Equal(2, server.Requests.Count);
        Assert.Equal(NoticeClaim.Held, await Ledger(server).TryClaimNoticeAsync("pump1", "n", Now, Now.AddSeconds(50), Cancellation));
    }

    [Theory]
    [InlineData(OpenOutcome.KeyReused, "ConditionalCheckFailed", "None", "None")]
    [InlineData(OpenOutcome.KeyReused, "ConditionalCheckFailed", "None", "ConditionalCheckFailed")]
    [InlineData(OpenOutcome.Conflict, "ConditionalCheckFailed", "ConditionalCheckFailed", "ConditionalCheckFailed")]
    [InlineData(OpenOutcome.Conflict, "ConditionalCheckFailed", "TransactionConflict", "TransactionConflict")]
    [InlineData(OpenOutcome.Conflict, "TransactionConflict", "TransactionConflict", "TransactionConflict")]
    [InlineData(OpenOutcome.Conflict, "None", "None", "ConditionalCheckFailed")]
    public async Task A_key_is_reused_only_if_this_rotation_is_not_being_written_at_the_same_moment(OpenOutcome outcome, params string[] reasons)
    {
        await using var server = new ScriptedHttp(_ => Refusal(
            $$"""
            {"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"no",
             "CancellationReasons":[{{string.Join(',', reasons.Select(r => $"{{\"Code\":\"{r}\"}}"))}}]}
            """));
        Assert.Equal(outcome, await Ledger(server).OpenAsync(Rotation(), null, Cancellation));
        Assert.True(JsonElement.Parse(Assert.Single(server.Requests).Body).TryGetProperty("ClientRequestToken", out var _));
    }

    [Fact]
    public async Task An_empty_page_is_not_the_last_one()
    {
        await using var server = new ScriptedHttp(request => new HttpReply(200, request.Target.Contains("nextToken", StringComparison.Ordinal)
            ? """{"principalThingObjects":[{"thingName":"pump1"}]}"""
            : """{"principalThingObjects":[],"nextToken":"more"}"""));
        Assert.True(await new IotRegistry(Iot(server)).IsAttachedAsync(new Certificate("c", "arn:c"), Cancellation));
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>Bad Gateway</html>")]
    [InlineData("upstream connect error")]
    public async Task An_error_that_no_service_of_AWS_wrote_is_an_error_of_the_service(string body)
    {
        await using var server = new ScriptedHttp(_ => new HttpReply(403, body));
        var notice = new Notice(NoticeKind.Alarm, "pump1", "job", "r", "create", "CODE", "reason", null, "nothing");
        var sns = await Assert.ThrowsAsync<DependencyException>(() => new SnsNotifier(Sns(server), "arn").NotifyAsync(notice, Cancellation));
        var iot = await Assert.ThrowsAsync<DependencyException>(() => new IotRegistry(Iot(server)).FindCertificateAsync("c", Cancellation));
        var dynamo = await Assert.ThrowsAsync<DependencyException>(() => Ledger(server).ReadAsync("pump1", Cancellation));
        Assert.Equal(["sns", "iot", "dynamodb"], [sns.Service, iot.Service, dynamo.Service]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("<html/>")]
    public async Task An_answer_without_what_it_should_hold_is_an_error_of_the_service(string body)
    {
        await using var server = new ScriptedHttp(_ => new HttpReply(200, body));
        var registry = new IotRegistry(Iot(server));
        var certificate = new Certificate("c", "arn:c");
        foreach (var call in (Func<Task>[])
        [
            () => registry.ListCertificatesAsync("pump1", Cancellation), () => registry.ListNewestAsync(null, Cancellation),
            () => registry.IsAttachedAsync(certificate, Cancellation), () => registry.FindCertificateAsync("c", Cancellation),
            () => registry.ListPoliciesAsync(certificate, Cancellation),
            () => new IotIssuer(Iot(server)).IssueAsync(new IssueOrder("pump1", "r", Cloud.Csr(0)), Cancellation),
            () => new IotEndedExecutions(Iot(server)).FindAsync("pump1", "job", Cancellation),
            () => new IotJobExecutions(new IotJobsDataClient(Credentials, Api(server), "us-east-1")).FindAsync("pump1", "job", Cancellation),
        ])
        {
            await Assert.ThrowsAsync<DependencyException>(call);
        }
    }

    [Fact]
    public async Task A_service_that_does_not_answer_in_time_is_an_error_of_the_service()
    {
        using var deaf = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        deaf.Start();
        using var client = new ImpatientClient(Credentials, new Uri($"http://{deaf.LocalEndpoint}"));
        var error = await Assert.ThrowsAsync<DependencyException>(() => Services.CallAsync("iot", "Ask", () => client.AskAsync(Cancellation)));
        Assert.Equal("Unreachable", error.Code);
    }

    private static Uri Api(ScriptedHttp server) => new($"http://{server.Address}");

    private static IotClient Iot(ScriptedHttp server) => new(Credentials, Api(server), "us-east-1");

    private static SnsClient Sns(ScriptedHttp server) => new(Credentials, Api(server), "us-east-1");

    private static DynamoRotationLedger Ledger(ScriptedHttp server) => new(
        new AmazonDynamoDBClient(Credentials, new AmazonDynamoDBConfig { ServiceURL = $"http://{server.Address}", AuthenticationRegion = "us-east-1" }.Paced()),
        "ledger", null, TimeProvider.System);

    private static HttpReply Refusal(string body) => new(400, body, "Content-Type: application/x-amz-json-1.0\r\n");

    private static Rotation Rotation() => new()
    {
        Thing = "pump1", RotationId = "r", JobId = "job", QueuedAt = 1, ExecutionNumber = 1, State = RotationState.Issuing, KeyHash = "hash",
        Old = new Certificate("a", "arn:a"), SpeaksTokens = true, Trail = [new Transition(RotationState.Issuing, Now, "a")],
    };
}

internal sealed class ImpatientClient(AWSCredentials credentials, Uri endpoint) : AwsServiceClient(credentials, Impatient(endpoint))
{
    public Task AskAsync(CancellationToken cancellation) => CallAsync(new AwsRequest("Ask", "GET", "/"), b => b, cancellation);

    private static AwsServiceConfig Impatient(Uri endpoint)
    {
        var config = new AwsServiceConfig("IoT", "iot", "iot", "2015-05-28").At(endpoint, "us-east-1");
        config.Timeout = TimeSpan.FromMilliseconds(200);
        config.MaxErrorRetry = 1;
        return config;
    }
}
