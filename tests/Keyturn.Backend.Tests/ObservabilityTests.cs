using System.Text;
using System.Text.Json;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;
using Keyturn.Lambda;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend.Tests;

/// <summary>What the functions' logs say, and what they never do.</summary>
public sealed class ObservabilityTests : IDisposable
{
    private readonly MemoryStream _output = new();
    private readonly Cloud _cloud;

    public ObservabilityTests()
    {
        var log = new JsonLog(_output, TimeProvider.System);
        log.Begin("request-1", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1");
        _cloud = new Cloud(signs: true, log: log);
    }

    [Fact]
    public async Task A_good_rotation_is_counted_once_at_each_step_with_the_seconds_since_the_step_before()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(90));
        await _cloud.CommitAsync();
        await _cloud.CommitAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(2));
        await _cloud.CloseAsync(JobExecution.Succeeded);
        await _cloud.CloseAsync(JobExecution.Succeeded);

        var metrics = Metrics();
        Assert.Equal(["Started", "Issued", "Committed", "Closed"], metrics.Select(m => m.Name));
        Assert.Equal([null, 0, 90, 2], metrics.Select(m => m.Line.TryGetProperty("Seconds", out var s) ? (double?)s.GetDouble() : null));
        Assert.Equal([null, "Issued", "Committed", "Closed"], metrics.Select(m => m.Line.TryGetProperty("Step", out var s) ? s.GetString() : null));
    }

    [Theory]
    [InlineData(false, "Started,Issued,Failed(JOB_ENDED)")]
    [InlineData(true, "Started,Issued,Committed,Failed(JOB_ENDED)")]
    public async Task A_failure_is_counted_once_by_its_reason(bool committed, string expected)
    {
        await _cloud.CreateAsync();
        if (committed)
        {
            await _cloud.CommitAsync();
        }

        await _cloud.CloseAsync("TIMED_OUT");
        await _cloud.CloseAsync("TIMED_OUT");
        Assert.Equal(expected, string.Join(',', Metrics().Select(Shown)));
    }

    [Fact]
    public async Task So_are_what_is_reconciled_and_an_alarm()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED");
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Equal("Started,Issued,Failed(JOB_ENDED),Reconciled", string.Join(',', Metrics().Select(Shown)));

        _output.SetLength(0);
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: _cloud.New.Certificate.Id);
        await _cloud.CreateAsync(key: 2, jobId: "rotate-2", principal: _cloud.Ledger.Rotations.First().New!.Id);
        Assert.Equal("Started,Issued,Alarms(ROTATION_FROZEN)", string.Join(',', Metrics().Select(Shown)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_device_s_word_reconciles_is_counted_with_the_seconds_for_which_it_was_open(bool newStays)
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(90));
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(600));
        var inUse = newStays ? _cloud.New.Certificate : _cloud.Old.Certificate;
        var (_, nonce) = await _cloud.AttestAsync(inUse);
        if (!newStays)
        {
            _cloud.Clock.Advance(TimeSpan.FromSeconds(5));
            await _cloud.AttestAsync(inUse, nonce: nonce);
        }

        AssertReconciled(newStays ? 600 : 605);
    }

    [Fact]
    public async Task So_is_a_rotation_that_the_next_one_ends()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromSeconds(30));
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, jobId: "rotate-2");
        AssertReconciled(30);
    }

    [Fact]
    public async Task A_certificate_that_nobody_recorded_is_counted_when_it_goes_with_the_seconds_since_it_was_made()
    {
        await _cloud.DieAfterIssuingAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        AssertReconciled(3720);
    }

    [Fact]
    public async Task Metrics_are_what_the_embedded_metric_format_says()
    {
        await _cloud.CreateAsync();
        var line = Metrics()[1].Line;
        var aws = line.GetProperty("_aws");
        Assert.Equal(JsonValueKind.Number, aws.GetProperty("Timestamp").ValueKind);
        Assert.Equal(
            """[{"Namespace":"AWSLabsCertificateRotator","Dimensions":[[]],"Metrics":[{"Name":"Issued","Unit":"Count"}]},{"Namespace":"AWSLabsCertificateRotator","Dimensions":[["Step"]],"Metrics":[{"Name":"Seconds","Unit":"Seconds"}]}]""",
            aws.GetProperty("CloudWatchMetrics").GetRawText());
        Assert.Equal(1, line.GetProperty("Issued").GetInt32());
    }

    [Fact]
    public async Task Every_line_names_thing_invocation_and_trace_and_the_rotation_s_lines_job_and_rotation()
    {
        await _cloud.RotateAsync();
        var lines = Lines();
        Assert.True(lines.Length >= 6);
        Assert.All(lines, line =>
        {
            Assert.Equal(Cloud.Thing, line.GetProperty("thing").GetString());
            Assert.Equal(Cloud.Job, line.GetProperty("jobId").GetString());
            Assert.Equal(_cloud.Rotation.RotationId, line.GetProperty("rotationId").GetString());
            Assert.Equal("request-1", line.GetProperty("requestId").GetString());
            Assert.StartsWith("Root=1-5759e988", line.GetProperty("traceId").GetString(), StringComparison.Ordinal);
        });
    }

    /// <summary>Whatever a device sends, and whatever is made for it: each of these is in some message of this test.</summary>
    [Fact]
    public async Task No_CSR_key_certificate_nonce_or_token_is_ever_in_a_log_or_in_a_message_to_the_operators()
    {
        const string canary = "canary-0123456789";
        await _cloud.CreateAsync(token: canary);
        await _cloud.CreateAsync(csr: "-----BEGIN CERTIFICATE REQUEST-----\nY2FuYXJ5LTAxMjM0NTY3ODk=\n-----END CERTIFICATE REQUEST-----", token: canary);
        await _cloud.CreateAsync(key: 1, token: canary);
        await _cloud.CloseAsync("FAILED", reason: "no signal");
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 2, jobId: "rotate-2", token: canary, clientId: "pump10");
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        var malformed = $$"""{"jobId":{"{{canary}}":1},"csr":"{{canary}}","clientToken":"{{canary}}","thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"pump1","principal":"{{_cloud.Old.Certificate.Id}}"}""";
        await _cloud.HandleAsync(DeviceRequest.ParseCreate(Encoding.UTF8.GetBytes(malformed)));

        var said = Encoding.UTF8.GetString(_output.ToArray()) + string.Join('\n', _cloud.Notices);
        Assert.True(Lines().Length > 8);
        Assert.Contains(RefusalCode.RotationFrozen, said, StringComparison.Ordinal);
        foreach (var secret in (string[])
            ["BEGIN", "canary", "Y2FuYXJ5", _cloud.Ledger.Rotations.First().NewPem![40..80], Cloud.Csr(0)[60..100], Cloud.Csr(1)[60..100], nonce ?? canary])
        {
            Assert.DoesNotContain(secret, said, StringComparison.Ordinal);
        }
    }

    public void Dispose() => _output.Dispose();

    /// <param name="seconds">And up to ten more: what waits lets the clock go on.</param>
    private void AssertReconciled(double seconds)
    {
        var line = Assert.Single(Metrics(), m => m.Name == "Reconciled").Line;
        Assert.Equal("Reconciled", line.GetProperty("Step").GetString());
        Assert.InRange(line.GetProperty("Seconds").GetDouble(), seconds, seconds + 10);
        Assert.Equal(
            """[{"Namespace":"AWSLabsCertificateRotator","Dimensions":[[]],"Metrics":[{"Name":"Reconciled","Unit":"Count"}]},{"Namespace":"AWSLabsCertificateRotator","Dimensions":[["Step"]],"Metrics":[{"Name":"Seconds","Unit":"Seconds"}]}]""",
            line.GetProperty("_aws").GetProperty("CloudWatchMetrics").GetRawText());
    }

    private static string Shown((string Name, JsonElement Line) metric) =>
        metric.Line.TryGetProperty("Reason", out var reason) ? $"{metric.Name}({reason.GetString()})" : metric.Name;

    private (string Name, JsonElement Line)[] Metrics() =>
    [
        .. Lines().Where(l => l.TryGetProperty("_aws", out _)).Select(l => (
            l.GetProperty("_aws").GetProperty("CloudWatchMetrics")[0].GetProperty("Metrics")[0].GetProperty("Name").GetString()!, l)),
    ];

    private JsonElement[] Lines() =>
        [.. Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonElement.Parse(l))];
}
