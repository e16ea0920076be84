using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Backend;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Simulation;

/// <summary>One run of a function. A dead one hears nothing any more of the calls it made.</summary>
internal sealed class Invocation(string function)
{
    public string Function => function;

    public bool IsDead { get; set; }
}

/// <summary>The use cases as Lambda runs them: each invocation by itself, again twice if it fails or dies, and dead when its time is up.</summary>
internal sealed class VirtualFunctions : IPortCalls
{
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(15), Slowness = TimeSpan.FromSeconds(30), Throttling = TimeSpan.FromSeconds(100), Outage = TimeSpan.FromHours(2);
    private static readonly TimeSpan[] Retries = [TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2)];
    private readonly AsyncLocal<Invocation> _invocation = new();
    private readonly Dictionary<string, TimeSpan> _throttled = [], _out = [];
    private readonly Dictionary<string, ImmutableArray<Transition>> _trails = [];
    private readonly World _world;
    private readonly VirtualTime _time;
    private readonly IssueCertificate _issue;
    private readonly ReconcileCertificate _reconcile;
    private readonly CommitCertificate _commit;
    private readonly CloseRotation _close;
    private readonly ReconcileFleet _fleet;
    private readonly Weakness _weakness;

    public VirtualFunctions(World world, Func<string, string> sign, Weakness weakness)
    {
        (_world, _time, _weakness) = (world, world.Time, weakness);
        Registry = new InMemoryRegistry(this, _time) { Sign = sign, DetachTakes = TimeSpan.FromSeconds(1) };
        Ledger = new InMemoryLedger(this) { TakesAnyVersion = weakness == Weakness.AnyVersion };
        var ports = new Services(this, world);
        var log = NullLogger.Instance;
        _issue = new IssueCertificate(Registry, ports, Registry, Ledger, ports, ports, new RotationDocument("""{"operation":"ROTATE_CERTIFICATE"}"""), _time, log, new IssueSettings());
        _reconcile = new ReconcileCertificate(Registry, ports, Ledger, ports, ports, _time, log);
        _commit = new CommitCertificate(Ledger, ports, _time, log);
        _close = new CloseRotation(Registry, Ledger, ports, _time, log);
        _fleet = new ReconcileFleet(Registry, ports, Ledger, ports, _time, log, TimeSpan.FromDays(3));
    }

    public InMemoryRegistry Registry { get; }

    public InMemoryLedger Ledger { get; }

    public List<Notice> Notices { get; } = [];

    public void Create(JsonObject json) => Start("create", 45, json, (e, c) => DeviceRequest.ParseAttest(e) is { } attest
        ? _reconcile.HandleAsync(attest, c)
        : _issue.HandleAsync(DeviceRequest.ParseCreate(e), c));

    public void Commit(JsonObject json)
    {
        if (_weakness == Weakness.AnybodyCommits && Ledger.Rotations.MaxBy(r => r.Order)?.New is { } issued)
            json["principal"] = issued.Id;
        Start("commit", 20, json, (e, c) => _commit.HandleAsync(DeviceRequest.ParseCommit(e), c));
    }

    public void Sweep() => Start("sweep", 300, [], (_, c) => _fleet.HandleAsync(_time.GetUtcNow() + TimeSpan.FromMinutes(4), c));

    public void JobEnded(JsonObject json) => Start("close", 45, json, (e, c) => _close.HandleAsync(JobEvent.Parse(e), c));

    public async Task<T> CallAsync<T>(string name, Func<T> effect)
    {
        var invocation = _invocation.Value!;
        var faults = _world.Reach($"{invocation.Function}/{name}", PointKind.Call);
        await _world.PauseAsync(name == "iot.CreateCertificate" ? Latency * 10 : Latency);
        if (faults.Contains(FaultKind.KillBefore) || invocation.IsDead)
            return await DieAsync<T>(invocation);
        if (faults.Contains(FaultKind.Throttle))
            _throttled[name] = _time.Now + Throttling;
        if (_throttled.GetValueOrDefault(name) > _time.Now)
            throw new DependencyException("simulated", name, "ThrottlingException", "slow down");
        var service = name[..name.IndexOf('.', StringComparison.Ordinal)];
        if (faults.Contains(FaultKind.Outage))
            _out[service] = _time.Now + Outage;
        if (faults.Contains(FaultKind.FailBefore) || (_out.GetValueOrDefault(service) > _time.Now && !_world.Points.AreOver))
            throw new DependencyException("simulated", name, "InternalFailureException", "nothing was done");
        var result = effect();
        _world.Watch();
        if (name.StartsWith("ledger.", StringComparison.Ordinal))
            WatchTrails();
        if (faults.Contains(FaultKind.Slow))
            await _world.PauseAsync(Slowness);
        await _world.PauseAsync(Latency);
        if (faults.Contains(FaultKind.KillAfter) || invocation.IsDead)
            return await DieAsync<T>(invocation);
        if (faults.Contains(FaultKind.FailAfter))
            throw new DependencyException("simulated", name, "RequestTimeout", "it was done, and the answer lost");
        return result;

        Task<TNever> DieAsync<TNever>(Invocation dead)
        {
            dead.IsDead = true;
            return new TaskCompletionSource<TNever>().Task;
        }
    }

    /// <summary>The trail is the audit's: what it once said, it says for ever.</summary>
    private void WatchTrails()
    {
        foreach (var rotation in Ledger.Rotations)
        {
            if (_trails.TryGetValue(rotation.RotationId, out var before) && before != rotation.Trail && !rotation.Trail.Take(before.Length).SequenceEqual(before))
                _world.Wrong($"the ledger forgot that {rotation.JobId} was {before[^1].State}");
            _trails[rotation.RotationId] = rotation.Trail;
        }
    }

    private void Start(string function, int seconds, JsonObject json, Func<ReadOnlyMemory<byte>, CancellationToken, Task> handle, int attempt = 0)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(json);
        var invocation = new Invocation(function);
        var running = RunAsync();
        // A function that died is found dead when its time is up.
        _time.After(TimeSpan.FromSeconds(seconds), () =>
        {
            if (running.IsFaulted)
                _world.Wrong($"{function} failed: {running.Exception.InnerException}");
            if (running.IsCompleted)
                return;
            invocation.IsDead = true;
            Retry();
        });

        async Task RunAsync()
        {
            _invocation.Value = invocation;
            try
            {
                await handle(bytes, CancellationToken.None);
            }
            catch (Exception e) when (e is DependencyException or UntoldException)
            {
                Retry();
            }
        }

        void Retry()
        {
            if (attempt < Retries.Length)
                _time.After(Retries[attempt], () => Start(function, seconds, json, handle, attempt + 1));
            else if (function == "close")
                // A dead letter: the stack's alarm tells the operators, not a message of ours.
                _world.LostEnds.Add(json["eventId"]!.GetValue<string>());
        }
    }

    private sealed class Services(VirtualFunctions functions, World world) : IJobExecutions, IDeviceChannel, INotifier
    {
        public Task<JobExecution?> FindAsync(string thing, string jobId, CancellationToken cancellation) =>
            functions.CallAsync("jobs.DescribeJobExecution", () => world.Jobs.Find(jobId)?.Described);

        public Task PublishAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation) =>
            functions.CallAsync("data.Publish", () => world.ToDevice(topic, JsonNode.Parse(payload.Span)!.AsObject()));

        public Task NotifyAsync(Notice notice, CancellationToken cancellation) => functions.CallAsync("sns.Publish", () => functions.Notices.Add(notice));
    }
}
