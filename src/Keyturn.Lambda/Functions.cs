using Keyturn.Backend;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Microsoft.Extensions.Logging;

namespace Keyturn.Lambda;

/// <summary>Every function of the stack is this executable; the handler's name picks the use case.</summary>
internal static class Functions
{
    public static Handler Find(Func<string, string?> variable, ILogger log, TimeProvider clock)
    {
        var settings = new Settings(variable);
        return settings.Optional("_HANDLER") switch
        {
            "CreateCertificate" => CreateCertificate(settings, log, clock),
            "CommitCertificate" => CommitCertificate(settings, log, clock),
            "JobExecutionTerminal" => JobExecutionTerminal(settings, log, clock),
            var other => throw new InvalidOperationException(
                $"_HANDLER is '{other}'; it must be CreateCertificate, CommitCertificate or JobExecutionTerminal."),
        };
    }

    private static Handler CreateCertificate(Settings settings, ILogger log, TimeProvider clock)
    {
        var document = new RotationDocument(settings.Required("JOB_DOCUMENT"));
        var (table, topic) = (settings.Required("LEDGER_TABLE"), settings.Required("SNS_TOPIC_ARN"));
        if (settings.Optional("PCA_CA_ARN") is not null)
        {
            throw new InvalidOperationException(
                "PCA_CA_ARN is set, but this version has certificates issued by AWS IoT only; deploy the stack with an empty PcaCaArn. Nothing was issued.");
        }

        var iot = new IotClient();
        var registry = new IotRegistry(iot);
        var ledger = Ledger(table);
        var channel = new IotDeviceChannel(new IotDataClient());
        var notifier = new SnsNotifier(new SnsClient(), topic);
        var jobs = new IotJobExecutions(new IotJobsDataClient());
        var issue = new IssueCertificate(
            registry, jobs, new IotIssuer(iot), ledger, channel, notifier, document, clock, log);
        var reconcile = new ReconcileCertificate(registry, jobs, ledger, channel, notifier, clock, log);
        return (json, cancellation) => DeviceRequest.ParseAttest(json) is { } attest
            ? reconcile.HandleAsync(attest, cancellation)
            : issue.HandleAsync(DeviceRequest.ParseCreate(json), cancellation);
    }

    private static Handler CommitCertificate(Settings settings, ILogger log, TimeProvider clock)
    {
        var commit = new CommitCertificate(
            Ledger(settings.Required("LEDGER_TABLE")), new IotDeviceChannel(new IotDataClient()), clock, log);
        return (json, cancellation) => commit.HandleAsync(DeviceRequest.ParseCommit(json), cancellation);
    }

    private static Handler JobExecutionTerminal(Settings settings, ILogger log, TimeProvider clock)
    {
        var (table, topic) = (settings.Required("LEDGER_TABLE"), settings.Required("SNS_TOPIC_ARN"));
        var close = new CloseRotation(
            new IotRegistry(new IotClient()), Ledger(table), new SnsNotifier(new SnsClient(), topic), clock, log);
        return (json, cancellation) => close.HandleAsync(JobEvent.Parse(json), cancellation);
    }

    private static DynamoRotationLedger Ledger(string table) => new(DynamoRotationLedger.CreateClient(), table);
}

/// <summary>The function's environment variables, as the stack sets them.</summary>
internal sealed class Settings(Func<string, string?> variable)
{
    public string? Optional(string name) => variable(name) is { Length: > 0 } value ? value : null;

    public string Required(string name) =>
        Optional(name) ?? throw new InvalidOperationException($"{name} is not set; the stack's template sets it in the function's environment.");
}
