using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Tests.World;
using Keyturn.Lambda;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Backend.Tests;

/// <summary>The custom resource, between CloudFormation and AWS IoT.</summary>
public sealed class EnableJobEventsTests : IAsyncDisposable
{
    private readonly ScriptedHttp _iot;
    private readonly ScriptedHttp _formation;
    private readonly HttpClient _http = new();
    private readonly FakeTimeProvider _clock = new() { AutoAdvanceAmount = TimeSpan.Zero };
    private HttpReply _iotSays = new(200, "{}");
    private int _refusals;

    public EnableJobEventsTests()
    {
        _iot = new ScriptedHttp(_ => _iotSays);
        _formation = new ScriptedHttp(_ => _refusals-- > 0 ? new HttpReply(503) : new HttpReply(200));
    }

    [Theory]
    [InlineData("Create")]
    [InlineData("Update")]
    public async Task Job_execution_events_are_switched_on_and_no_other_kind_is_touched(string type)
    {
        await HandleAsync(Request(type));
        var call = Assert.Single(_iot.Requests);
        Assert.Equal(("PATCH", "/event-configurations"), (call.Method, call.Target));
        Assert.Equal("""{"eventConfigurations":{"JOB_EXECUTION":{"Enabled":true}}}""", call.Body);

        var answer = Assert.Single(_formation.Requests);
        Assert.Equal(("PUT", "/answer?X-Amz-Signature=abc%2F"), (answer.Method, answer.Target));
        Assert.DoesNotContain("Content-Type", answer.Headers.Keys, StringComparer.OrdinalIgnoreCase);
        Assert.Equal(
            """{"Status":"SUCCESS","Reason":"","PhysicalResourceId":"AWSLabsCertificateRotatorJobEvents","StackId":"arn:stack","RequestId":"r","LogicalResourceId":"JobEvents"}""",
            answer.Body);
    }

    [Fact]
    public async Task Deleting_the_stack_leaves_them_on_and_answers_under_the_same_id()
    {
        await HandleAsync(Request("Delete", ""","PhysicalResourceId":"id-1" """));
        Assert.Empty(_iot.Requests);
        var answer = JsonElement.Parse(Assert.Single(_formation.Requests).Body);
        Assert.Equal(("SUCCESS", "id-1"), (answer.GetProperty("Status").GetString(), answer.GetProperty("PhysicalResourceId").GetString()));
    }

    [Fact]
    public async Task A_refusal_of_AWS_IoT_is_told_to_CloudFormation_which_would_wait_for_an_hour_otherwise()
    {
        _iotSays = new HttpReply(403, """{"message":"no permission"}""", "x-amzn-errortype: UnauthorizedException\r\n");
        await HandleAsync(Request("Create"));
        var answer = JsonElement.Parse(Assert.Single(_formation.Requests).Body);
        Assert.Equal("FAILED", answer.GetProperty("Status").GetString());
        Assert.Contains("UnauthorizedException: no permission", answer.GetProperty("Reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task CloudFormation_is_told_before_the_function_s_deadline_when_AWS_IoT_does_not_answer_at_all()
    {
        using var deaf = new TcpListener(IPAddress.Loopback, 0);
        deaf.Start();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(44.5), _clock);
        await HandleAsync(Request("Create"), $"{deaf.LocalEndpoint}", deadline.Token);
        var answer = JsonElement.Parse(Assert.Single(_formation.Requests).Body);
        Assert.Equal("FAILED", answer.GetProperty("Status").GetString());
        Assert.Contains("did not answer within 30 seconds", answer.GetProperty("Reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_answer_is_sent_again_when_it_does_not_arrive()
    {
        _refusals = 2;
        await HandleAsync(Request("Create"));
        Assert.Equal(3, _formation.Requests.Count);
        _refusals = 3;
        await Assert.ThrowsAsync<HttpRequestException>(() => HandleAsync(Request("Create")));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"RequestType":"Create","ResponseURL":"/answer","StackId":"s","RequestId":"r","LogicalResourceId":"l"}""")]
    [InlineData("""{"RequestType":"Destroy","ResponseURL":"http://127.0.0.1/","StackId":"s","RequestId":"r","LogicalResourceId":"l"}""")]
    public async Task What_CloudFormation_does_not_send_changes_nothing(string json)
    {
        await Assert.ThrowsAsync<FormatException>(() => HandleAsync(json));
        Assert.Empty(_iot.Requests);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _iot.DisposeAsync();
        await _formation.DisposeAsync();
    }

    private string Request(string type, string more = "") =>
        $$"""
        {"RequestType":"{{type}}","ResponseURL":"http://{{_formation.Address}}/answer?X-Amz-Signature=abc%2F","StackId":"arn:stack","RequestId":"r",
         "LogicalResourceId":"JobEvents","ResourceType":"Custom::JobEvents","ResourceProperties":{"ServiceToken":"arn:function"}{{more}}}
        """;

    private Task HandleAsync(string json) => HandleAsync(json, _iot.Address, TestContext.Current.CancellationToken);

    private async Task HandleAsync(string json, string address, CancellationToken cancellation)
    {
        var iot = new IotClient(new Amazon.Runtime.BasicAWSCredentials("test", "test"), new Uri($"http://{address}"), "us-east-1");
        var handling = new EnableJobEvents(iot, _http, _clock).HandleAsync(Encoding.UTF8.GetBytes(json), cancellation);
        while (await Task.WhenAny(handling, Task.Delay(5, TestContext.Current.CancellationToken)) != handling)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(500));
        }

        await handling;
    }
}
