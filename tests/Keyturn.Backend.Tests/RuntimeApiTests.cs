using System.Text;
using System.Text.Json;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Tests.World;
using Keyturn.Lambda;

namespace Keyturn.Backend.Tests;

/// <summary>The loop against Lambda's side of the protocol, over a socket.</summary>
public sealed class RuntimeApiTests : IAsyncDisposable
{
    private const string Authority = "arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/ca";

    private readonly MemoryStream _log = new();
    private readonly Queue<(string Id, string Event, long Deadline)> _invocations = new();
    private readonly List<(string Path, string Body, string? ErrorType)> _posted = [];
    private readonly ScriptedHttp _lambda;
    private HttpReply? _afterwards;

    public RuntimeApiTests() => _lambda = new ScriptedHttp(Answer);

    [Fact]
    public async Task Each_event_is_handled_in_turn_and_answered()
    {
        List<string> handled = [];
        Invoke("id-1", "{\"a\":1}");
        Invoke("id-2", "{\"a\":2}");
        Assert.Equal(0, await RunAsync((json, _, _) =>
        {
            handled.Add(Encoding.UTF8.GetString(json.Span));
            return Task.CompletedTask;
        }));
        Assert.Equal(["{\"a\":1}", "{\"a\":2}"], handled);
        Assert.Equal(
            ["/2018-06-01/runtime/invocation/id-1/response", "/2018-06-01/runtime/invocation/id-2/response"], _posted.Select(p => p.Path));
    }

    [Fact]
    public async Task A_failure_is_reported_and_the_next_event_handled()
    {
        Invoke("id-1", "1");
        Invoke("id-2", "2");
        await RunAsync((json, _, _) => json.Span[0] == '1' ? throw new FormatException("not \"ours\"") : Task.CompletedTask);
        Assert.Equal("/2018-06-01/runtime/invocation/id-1/error", _posted[0].Path);
        Assert.Equal("FormatException", _posted[0].ErrorType);
        Assert.Equal("not \"ours\"", JsonElement.Parse(_posted[0].Body).GetProperty("errorMessage").GetString());
        Assert.Equal("/2018-06-01/runtime/invocation/id-2/response", _posted[1].Path);

        var line = Assert.Single(LogLines(), l => l.GetProperty("level").GetString() == "ERROR");
        Assert.Equal("id-1", line.GetProperty("requestId").GetString());
        Assert.Equal("FormatException", line.GetProperty("errorType").GetString());
    }

    [Fact]
    public async Task The_handler_is_stopped_before_the_function_s_deadline()
    {
        Invoke("id-1", "1", DateTimeOffset.UtcNow.AddMilliseconds(700).ToUnixTimeMilliseconds());
        await RunAsync((_, _, cancellation) => Task.Delay(Timeout.Infinite, cancellation));
        Assert.Equal("/2018-06-01/runtime/invocation/id-1/error", _posted[0].Path);
        Assert.Equal(nameof(TaskCanceledException), _posted[0].ErrorType);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(403)]
    [InlineData(500)]
    public async Task An_answer_that_is_no_invocation_ends_the_function(int status)
    {
        _afterwards = new HttpReply(status, "{}");
        Assert.Equal(1, await RunAsync((_, _, _) => throw new InvalidOperationException("nothing to handle")));
        Assert.Empty(_posted);
    }

    [Fact]
    public async Task A_function_that_can_t_start_says_why()
    {
        using var runtime = new RuntimeApi(_lambda.Address, new JsonLog(_log, TimeProvider.System), TimeProvider.System);
        await runtime.ReportStartFailureAsync(
            new InvalidOperationException("LEDGER_TABLE is not set"), TestContext.Current.CancellationToken);
        Assert.Equal("/2018-06-01/runtime/init/error", _posted[0].Path);
        Assert.Contains("LEDGER_TABLE is not set", _posted[0].Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("create_certificate.handler")]
    public void A_handler_that_is_none_of_ours_is_refused_by_name(string? handler)
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Find(new() { ["_HANDLER"] = handler }));
        Assert.Contains("CreateCertificate, CommitCertificate, JobExecutionTerminal, ReconcileCertificate or EnableJobEvents", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CreateCertificate", "JOB_DOCUMENT")]
    [InlineData("CreateCertificate", "LEDGER_TABLE")]
    [InlineData("CreateCertificate", "SNS_TOPIC_ARN")]
    [InlineData("CommitCertificate", "LEDGER_TABLE")]
    [InlineData("JobExecutionTerminal", "LEDGER_TABLE")]
    [InlineData("JobExecutionTerminal", "SNS_TOPIC_ARN")]
    [InlineData("ReconcileCertificate", "LEDGER_TABLE")]
    [InlineData("ReconcileCertificate", "SNS_TOPIC_ARN")]
    public void A_missing_variable_is_named(string handler, string missing)
    {
        Dictionary<string, string?> variables = new()
        {
            ["_HANDLER"] = handler,
            ["JOB_DOCUMENT"] = "{\"operation\":\"ROTATE_CERTIFICATE\"}",
            ["LEDGER_TABLE"] = "ledger",
            ["SNS_TOPIC_ARN"] = "arn:aws:sns:us-east-1:012345678901:topic",
        };
        variables.Remove(missing);
        var refused = Assert.Throws<InvalidOperationException>(() => Find(variables));
        Assert.StartsWith(missing, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("SILENT_AFTER_HOURS", "24")]
    [InlineData("SILENT_AFTER_HOURS", "soon")]
    [InlineData("RETIREMENT_GRACE_HOURS", "-1")]
    [InlineData("RETIREMENT_GRACE_HOURS", "99999")]
    [InlineData("TRAIL_RETENTION_DAYS", "1.5")]
    [InlineData("TRAIL_RETENTION_DAYS", " 1")]
    public void A_number_out_of_range_is_named_with_the_range(string variable, string value)
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Find(new()
        {
            ["_HANDLER"] = "ReconcileCertificate", ["LEDGER_TABLE"] = "ledger", ["SNS_TOPIC_ARN"] = "arn", [variable] = value,
        }));
        Assert.StartsWith($"{variable} is '{value}'; it takes a whole number from ", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_kind_of_key_that_nobody_knows_is_named_with_those_that_are()
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Find(new()
        {
            ["_HANDLER"] = "CreateCertificate", ["JOB_DOCUMENT"] = "{\"operation\":\"ROTATE_CERTIFICATE\"}", ["LEDGER_TABLE"] = "ledger",
            ["SNS_TOPIC_ARN"] = "arn", ["ALLOWED_KEY_ALGORITHMS"] = "ECDSA-P256, RSA-1024",
        }));
        Assert.Contains("'RSA-1024'; it takes RSA-2048, RSA-3072, ECDSA-P256", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_mean_what_they_say()
    {
        Dictionary<string, string?> variables = new()
        {
            ["SILENT_AFTER_HOURS"] = "30", ["RETIREMENT_GRACE_HOURS"] = "12", ["TRAIL_RETENTION_DAYS"] = "400", ["ALLOWED_KEY_ALGORITHMS"] = "ECDSA-P256, RSA-3072",
        };
        var settings = new Settings(variables.GetValueOrDefault);
        Assert.Equal((TimeSpan.FromHours(30), TimeSpan.FromHours(12), TimeSpan.FromDays(400)), (settings.SilentAfter, settings.RetirementGrace, settings.TrailRetention));
        Assert.Equal([Contracts.KeyAlgorithm.EcdsaP256, Contracts.KeyAlgorithm.Rsa3072], settings.AllowedKeys!);

        settings = new Settings(_ => "");
        Assert.Equal((TimeSpan.FromHours(72), TimeSpan.Zero, null, null), (settings.SilentAfter, settings.RetirementGrace, settings.TrailRetention, settings.AllowedKeys));
    }

    [Theory]
    [InlineData("PCA_CA_ARN", "ca", "an ARN of AWS Private CA")]
    [InlineData("PCA_TEMPLATE_ARN", "arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/ca", "an ARN of AWS Private CA with ':template/'")]
    [InlineData("PCA_VALIDITY_IN_DAYS", "0", "a whole number from 1")]
    [InlineData("PCA_SIGNING_ALGORITHM", "MD5WITHRSA", "SHA256WITHRSA, SHA384WITHRSA")]
    public void A_wrong_setting_of_the_private_authority_is_named(string variable, string value, string takes)
    {
        var refused = Assert.Throws<InvalidOperationException>(() => Find(new()
        {
            ["_HANDLER"] = "CreateCertificate", ["JOB_DOCUMENT"] = "{\"operation\":\"ROTATE_CERTIFICATE\"}", ["LEDGER_TABLE"] = "ledger",
            ["SNS_TOPIC_ARN"] = "arn", ["PCA_CA_ARN"] = Authority, [variable] = value,
        }));
        Assert.StartsWith($"{variable} is '{value}'; it takes ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(takes, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_private_authority_s_settings_default_to_the_reference_s()
    {
        Dictionary<string, string?> variables = new() { ["PCA_CA_ARN"] = Authority };
        Assert.Equal(new PrivateCaSettings(Authority, "SHA256WITHRSA", 7, null), new Settings(variables.GetValueOrDefault).PrivateCa);
        Assert.Null(new Settings(_ => null).PrivateCa);
    }

    [Fact]
    public void A_job_document_without_an_operation_is_refused() =>
        Assert.Throws<FormatException>(() => Find(new()
        {
            ["_HANDLER"] = "CreateCertificate", ["JOB_DOCUMENT"] = "{}", ["LEDGER_TABLE"] = "ledger", ["SNS_TOPIC_ARN"] = "arn",
        }));

    public async ValueTask DisposeAsync()
    {
        await _lambda.DisposeAsync();
        _log.Dispose();
    }

    private static Handler Find(Dictionary<string, string?> variables) =>
        Functions.Find(variables.GetValueOrDefault, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, TimeProvider.System);

    private void Invoke(string id, string json, long deadline = long.MaxValue / 1_000_000) => _invocations.Enqueue((id, json, deadline));

    private async Task<int> RunAsync(Handler handler)
    {
        using var runtime = new RuntimeApi(_lambda.Address, new JsonLog(_log, TimeProvider.System), TimeProvider.System);
        return await runtime.RunAsync(handler, TestContext.Current.CancellationToken);
    }

    private JsonElement[] LogLines() =>
        [.. Encoding.UTF8.GetString(_log.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonElement.Parse(l))];

    /// <summary>Out of events, it hangs up as Lambda does when it ends an environment.</summary>
    private HttpReply? Answer(HttpExchange request)
    {
        if (request.Method == "GET")
        {
            return _invocations.TryDequeue(out var invocation)
                ? new HttpReply(200, invocation.Event,
                    $"Lambda-Runtime-Aws-Request-Id: {invocation.Id}\r\nLambda-Runtime-Deadline-Ms: {invocation.Deadline}\r\n")
                : _afterwards;
        }

        _posted.Add((request.Target, request.Body, request.Headers.GetValueOrDefault("Lambda-Runtime-Function-Error-Type")));
        return new HttpReply(202);
    }
}
