using Keyturn.Backend;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Lambda;

/// <summary>Every function of the stack is this executable; the handler's name picks the use case.</summary>
internal static class Functions
{
    /// <summary>Of a sweep: what is begun before the deadline less this ends before the deadline.</summary>
    private static readonly TimeSpan LongestStep = TimeSpan.FromSeconds(15);

    public static Handler Find(Func<string, string?> variable, ILogger log, TimeProvider clock)
    {
        var settings = new Settings(variable);
        return settings.Optional("_HANDLER") switch
        {
            "CreateCertificate" => CreateCertificate(settings, log, clock),
            "CommitCertificate" => CommitCertificate(settings, log, clock),
            "JobExecutionTerminal" => JobExecutionTerminal(settings, log, clock),
            "ReconcileCertificate" => ReconcileCertificate(settings, log, clock),
            "EnableJobEvents" => EnableJobEvents(clock),
            var other => throw new InvalidOperationException(
                $"_HANDLER is '{other}'; it must be CreateCertificate, CommitCertificate, JobExecutionTerminal, ReconcileCertificate or EnableJobEvents."),
        };
    }

    private static Handler CreateCertificate(Settings settings, ILogger log, TimeProvider clock)
    {
        var document = new RotationDocument(settings.Required("JOB_DOCUMENT"));
        var issueSettings = new IssueSettings(settings.RetirementGrace, settings.AllowedKeys);
        var (ledger, notifier) = (Ledger(settings, clock), Notifier(settings));
        var privateCa = settings.PrivateCa;
        var iot = new IotClient();
        var registry = new IotRegistry(iot);
        var channel = new IotDeviceChannel(new IotDataClient());
        ICertificateIssuer issuer = privateCa is null ? new IotIssuer(iot) : new PrivateCaIssuer(new AcmPcaClient(), iot, privateCa, clock);
        var issue = new IssueCertificate(
            registry, new IotJobExecutions(new IotJobsDataClient()), issuer, ledger(), channel, notifier(), document, clock, log, issueSettings);
        var reconcile = new ReconcileCertificate(
            registry, new IotEndedExecutions(iot), ledger(), channel, notifier(), clock, log, issueSettings.RetirementGrace);
        return (json, _, cancellation) => DeviceRequest.ParseAttest(json) is { } attest
            ? reconcile.HandleAsync(attest, cancellation)
            : issue.HandleAsync(DeviceRequest.ParseCreate(json), cancellation);
    }

    private static Handler CommitCertificate(Settings settings, ILogger log, TimeProvider clock)
    {
        var commit = new CommitCertificate(Ledger(settings, clock)(), new IotDeviceChannel(new IotDataClient()), clock, log);
        return (json, _, cancellation) => commit.HandleAsync(DeviceRequest.ParseCommit(json), cancellation);
    }

    private static Handler JobExecutionTerminal(Settings settings, ILogger log, TimeProvider clock)
    {
        var (ledger, notifier, grace) = (Ledger(settings, clock), Notifier(settings), settings.RetirementGrace);
        var close = new CloseRotation(new IotRegistry(new IotClient()), ledger(), notifier(), clock, log, grace);
        return (json, _, cancellation) => close.HandleAsync(JobEvent.Parse(json), cancellation);
    }

    private static Handler ReconcileCertificate(Settings settings, ILogger log, TimeProvider clock)
    {
        var (ledger, notifier, silentAfter, grace) = (Ledger(settings, clock), Notifier(settings), settings.SilentAfter, settings.RetirementGrace);
        var iot = new IotClient();
        var fleet = new ReconcileFleet(
            new IotRegistry(iot), new IotEndedExecutions(iot), ledger(), notifier(), clock, log, silentAfter, grace);
        return (_, deadline, cancellation) => fleet.HandleAsync(deadline - LongestStep, cancellation);
    }

    private static Handler EnableJobEvents(TimeProvider clock)
    {
        var enable = new EnableJobEvents(new IotClient(), new HttpClient(), clock);
        return (json, _, cancellation) => enable.HandleAsync(json, cancellation);
    }

    // Settings are read before any client is made, so that a wrong one is what the log speaks of.
    private static Func<SnsNotifier> Notifier(Settings settings)
    {
        var topic = settings.Required("SNS_TOPIC_ARN");
        return () => new SnsNotifier(new SnsClient(), topic);
    }

    private static Func<DynamoRotationLedger> Ledger(Settings settings, TimeProvider clock)
    {
        var (table, retention) = (settings.Required("LEDGER_TABLE"), settings.TrailRetention);
        return () => new DynamoRotationLedger(DynamoRotationLedger.CreateClient(), table, retention, clock);
    }
}
