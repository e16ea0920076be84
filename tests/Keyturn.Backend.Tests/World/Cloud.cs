using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Backend.Tests.World;

/// <summary>The use cases among in-memory ports, with one thing, its job, and what a device would send.</summary>
internal sealed class Cloud : IJobExecutions, IDeviceChannel, INotifier
{
    public const string Thing = "pump1";
    public const string Job = "rotate-1";
    public static readonly TimeSpan SilentAfter = TimeSpan.FromHours(72);
    private static readonly Lazy<ECDsa> Authority = new(() => ECDsa.Create(ECCurve.NamedCurves.nistP256));
    private const string Document = """{"operation":"ROTATE_CERTIFICATE"}""";
    private static readonly Lazy<string[]> Csrs = new(() => [.. Enumerable.Range(0, 8).Select(_ => MakeCsr($"CN={Thing}"))]);

    private readonly Dictionary<(string JobId, string? EventId), long> _events = [];

    private readonly ILogger _log;
    private readonly KeyAlgorithm[]? _allowed;

    /// <param name="signs">Certificates are real ones of the CSR's key.</param>
    public Cloud(TimeSpan grace = default, bool signs = false, int pageSize = 100, ILogger? log = null, KeyAlgorithm[]? allowed = null)
    {
        (Grace, _log, _allowed) = (grace, log ?? NullLogger.Instance, allowed);
        Registry = new InMemoryRegistry(Faults, Clock) { Sign = signs ? csr => Sign(csr, Clock.GetUtcNow()) : null, PageSize = pageSize };
        Ledger = new InMemoryLedger(Faults) { PageSize = pageSize };
        Old = Registry.Add(Thing);
        AddJob(Job);
    }

    public SkippingClock Clock { get; } = new(DateTimeOffset.UnixEpoch.AddYears(56));

    /// <summary>The functions' setting of now.</summary>
    public TimeSpan Grace { get; set; }

    public Faults Faults { get; } = new();

    public InMemoryRegistry Registry { get; }

    public InMemoryLedger Ledger { get; }

    public StoredCertificate Old { get; }

    public Dictionary<(string Thing, string JobId), JobExecution> Executions { get; } = [];

    public List<(string Topic, JsonElement Payload)> Published { get; } = [];

    public List<Notice> Notices { get; } = [];

    public StoredCertificate New => Registry.Certificates[Ledger.Rotations.Single().New!.Id];

    public Rotation Rotation => Ledger.Rotations.Single();

    /// <summary>The same eight for all tests of the process: making keys is slow, and no test needs one that no other has.</summary>
    public static string Csr(int key) => Csrs.Value[key];

    public static string MakeCsr(string subject)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return new CertificateRequest(subject, key, HashAlgorithmName.SHA256).CreateSigningRequestPem();
    }

    public static string Sign(string csr, DateTimeOffset now)
    {
        var request = CertificateRequest.LoadSigningRequestPem(csr, HashAlgorithmName.SHA256, CertificateRequestLoadOptions.Default);
        using var certificate = request.Create(
            new X500DistinguishedName("CN=Authority"), X509SignatureGenerator.CreateForECDsa(Authority.Value), now, now.AddDays(7), RandomNumberGenerator.GetBytes(8));
        return certificate.ExportCertificatePem();
    }

    public void AddJob(string jobId, string status = JobExecution.InProgress, long number = 1, string document = Document) =>
        Executions[(Thing, jobId)] = new JobExecution(jobId, status, Clock.GetUtcNow().ToUnixTimeSeconds(), number, document);

    public void End(string jobId, string status) => Executions[(Thing, jobId)] = Executions[(Thing, jobId)] with { Status = status };

    public Task<Outcome> CreateAsync(
        int key = 0, string? principal = null, string? clientId = null, string? token = "token-1", string jobId = Job, string? rotationId = null,
        string? csr = null, long? number = null, DateTimeOffset? receivedAt = null) =>
        HandleAsync(new DeviceRequest<CreateRequest>(
            new Sender(Thing, Topics.Create(Thing), clientId ?? Thing, principal ?? Old.Certificate.Id, token, receivedAt?.ToUnixTimeMilliseconds()),
            new CreateRequest(jobId, csr ?? Csr(key), rotationId, token, number), null));

    public Task<Outcome> HandleAsync(DeviceRequest<CreateRequest> request) =>
        new IssueCertificate(
            Registry, this, Registry, Ledger, this, this, new RotationDocument(Document), Clock, _log, new IssueSettings(Grace, _allowed))
            .HandleAsync(request, TestContext.Current.CancellationToken);

    public Task<Outcome> CommitAsync(
        string? principal = null, string? clientId = null, string? token = "token-2", string jobId = Job, string? rotationId = null, bool? verify = null) =>
        new CommitCertificate(Ledger, this, Clock, _log).HandleAsync(
            new DeviceRequest<CommitRequest>(
                new Sender(Thing, Topics.Commit(Thing), clientId ?? Thing, principal ?? New.Certificate.Id, token),
                new CommitRequest(jobId, rotationId, token, verify), null),
            TestContext.Current.CancellationToken);

    public async Task<(Outcome Outcome, string? Nonce)> AttestAsync(
        Certificate certificate, string? nonce = null, string? principal = null, string? clientId = null)
    {
        var outcome = await new ReconcileCertificate(Registry, this, Ledger, this, this, Clock, _log, Grace).HandleAsync(
            new DeviceRequest<AttestRequest>(
                new Sender(Thing, Topics.Create(Thing), clientId ?? Thing, principal ?? certificate.Id, "token-3"),
                new AttestRequest(true, certificate.Id, "token-3", "2.0.0", "file", 2_524_607_999, nonce), null),
            TestContext.Current.CancellationToken);
        return (outcome, outcome.Kind == OutcomeKind.Accepted && Published[^1].Payload.TryGetProperty("nonce", out var given) ? given.GetString() : null);
    }

    /// <summary>The same event, to the second, each time it comes.</summary>
    public async Task CloseAsync(string status, string jobId = Job, string? eventId = "event-1", string? reason = null, string? step = null)
    {
        End(jobId, status);
        if (!_events.TryGetValue((jobId, eventId), out var at))
        {
            _events[(jobId, eventId)] = at = Clock.GetUtcNow().ToUnixTimeSeconds();
        }

        await HearAsync(new JobEvent(Thing, jobId, status, at, eventId, null, step, reason));
    }

    public Task HearAsync(JobEvent job) =>
        new CloseRotation(Registry, Ledger, this, Clock, _log, Grace).HandleAsync(job, TestContext.Current.CancellationToken);

    /// <param name="seconds">Until no new work is begun.</param>
    public Task SweepAsync(double seconds = 3600) =>
        new ReconcileFleet(Registry, this, Ledger, this, Clock, _log, SilentAfter, Grace).HandleAsync(
            Clock.GetUtcNow() + TimeSpan.FromSeconds(seconds), TestContext.Current.CancellationToken);

    public async Task RotateAsync()
    {
        Assert.Equal(Outcome.Accepted, await CreateAsync());
        Assert.Equal(Outcome.Accepted, await CommitAsync());
        await CloseAsync(JobExecution.Succeeded);
    }

    /// <summary>The certificate is made, and the function that asked for it dies before it records which.</summary>
    public async Task DieAfterIssuingAsync()
    {
        Faults.Reset();
        Faults.FailWith = name =>
        {
            (Faults.KillAt, Faults.AfterEffect) = (name == "iot.CreateCertificate" ? Faults.Calls.Count - 1 : null, true);
            return null;
        };
        await Assert.ThrowsAsync<ProcessKilledException>(() => CreateAsync());
        Faults.Reset();
        Clock.Advance(TimeSpan.FromMinutes(2));
    }

    Task<JobExecution?> IJobExecutions.FindAsync(string thing, string jobId, CancellationToken cancellation) =>
        Faults.CallAsync("jobs.DescribeJobExecution", () => Executions.GetValueOrDefault((thing, jobId)));

    Task IDeviceChannel.PublishAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation) =>
        Faults.CallAsync("data.Publish", () => Published.Add((topic, JsonElement.Parse(Encoding.UTF8.GetString(payload.Span)))));

    Task INotifier.NotifyAsync(Notice notice, CancellationToken cancellation) =>
        Faults.CallAsync("sns.Publish", () => Notices.Add(notice));
}
