using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Backend;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;
using Keyturn.Device.Tests;

namespace Keyturn.Simulation;

/// <summary>One device and its cloud, with all that is between them, on one clock.</summary>
internal sealed class World : IDisposable
{
    public const string Thing = "pump1";
    private static readonly TimeSpan Latency = TimeSpan.FromMilliseconds(20), FirstSweep = TimeSpan.FromMinutes(20), SweepEvery = TimeSpan.FromHours(1), Shutting = TimeSpan.FromHours(2);
    private static readonly string[] CreateColumns = ["jobId", "csr", "executionNumber", "rotationId", "clientToken", "attest", "certificateId", "nonce", "component", "keyStore", "notAfter"];
    private static readonly string[] CommitColumns = ["jobId", "rotationId", "clientToken", "verify"];

    private readonly RememberedAuthority _ca = new();
    private readonly Dictionary<string, Action> _heldBack = [];
    private readonly List<string> _wrong = [];
    private readonly Random? _random;
    private readonly Weakness _weakness;
    private readonly Dictionary<string, string> _tokens = [];
    private int _seconds;
    private TimeSpan _shutUntil;

    public World(Schedule schedule, Weakness weakness = Weakness.None, TextWriter? log = null)
    {
        (Schedule, _weakness) = (schedule, weakness);
        _random = schedule.Seed == 0 ? null : new Random(schedule.Seed);
        Points = new Points(schedule);
        Functions = new VirtualFunctions(this, _ca.Sign, weakness);
        Jobs = new VirtualJobs(Time, Thing, schedule.Retries ? 2 : 0, ToDevice, JobEnded);
        var (pem, certificate, id) = Factory.Credential;
        Functions.Registry.Register(id, certificate, Thing);
        Device = new VirtualDevice(this, pem, certificate, log ?? TextWriter.Null);
        Time.After(FirstSweep, Sweep);
    }

    public Schedule Schedule { get; }

    public VirtualTime Time { get; } = new(CertificateAuthority.Now);

    public Points Points { get; }

    public VirtualJobs Jobs { get; }

    public VirtualFunctions Functions { get; }

    public VirtualDevice Device { get; }

    public IReadOnlyList<string> Faulty => _wrong;

    /// <summary>The events of ends that no function was told of.</summary>
    public HashSet<string> LostEnds { get; } = [];

    public static string NameOf(string topic) => topic
        .Replace($"$aws/things/{Thing}/", "", StringComparison.Ordinal)
        .Replace($"awslabs/things/{Thing}/certificate/", "", StringComparison.Ordinal);

    public void Wrong(string what)
    {
        if (_wrong.Count < 5)
            _wrong.Add($"{Time.Now:d\\.hh\\:mm\\:ss}: {what}");
    }

    public FaultKind[] Reach(string name, PointKind kind)
    {
        var faults = Points.Reach(name, kind);
        if (kind is PointKind.Message or PointKind.Call)
        {
            foreach (var fault in faults)
                Strike(fault);
        }
        return faults;
    }

    /// <summary>At every instant a complete credential that the cloud accepts is on the device.</summary>
    public void Watch()
    {
        if (!Device.HoldsAccepted())
            Wrong("no complete credential that the cloud accepts is on the device");
    }

    /// <summary>It may connect.</summary>
    public bool Admits(string certificateId) => Accepts(certificateId) && Time.Now >= _shutUntil;

    public bool Accepts(string certificateId) =>
        Functions.Registry.Certificates.TryGetValue(certificateId, out var c) && c is { IsActive: true, Policies.Count: > 0 } && c.Things.ContainsKey(Thing);

    public Task PauseAsync(TimeSpan pause) => Task.Delay(Jitter(pause), Time);

    public void Strike(FaultKind kind)
    {
        Device.Strike(kind);
        switch (kind)
        {
            case FaultKind.Cancel:
                Soon(() => Jobs.EndCurrent("CANCELED"));
                break;
            case FaultKind.Remove:
                Soon(() => Jobs.EndCurrent("REMOVED"));
                break;
            case FaultKind.TimeOut:
                Soon(() => Jobs.EndCurrent("TIMED_OUT"));
                break;
            case FaultKind.SecondJob:
                Soon(() => Jobs.Queue($"second-{++_seconds}"));
                break;
            case FaultKind.Recreate:
                Soon(Recreate);
                break;
            case FaultKind.Foreign:
                Soon(SendForeign);
                break;
            case FaultKind.Impostor:
                Soon(SendAsImpostor);
                break;
            case FaultKind.Shut:
                _shutUntil = Time.Now + Jitter(Shutting) is var end && end > _shutUntil ? end : _shutUntil;
                break;
            default:
                break;
        }

        void Soon(Action action) => Time.After(TimeSpan.Zero, action);
    }

    /// <summary>What the broker takes from a connection: nothing, unless its certificate is accepted at that moment.</summary>
    public void FromDevice(string topic, ReadOnlyMemory<byte> payload, string principal, string clientId, FaultKind[] faults)
    {
        if (!Admits(principal))
            return;
        var message = JsonNode.Parse(payload.Span)!.AsObject();
        if (message["clientToken"] is { } token)
            _tokens[topic] = token.GetValue<string>();
        Carry("up", faults, () =>
        {
            if (topic == Topics.Create(Thing))
                Functions.Create(Columns(CreateColumns));
            else if (topic == Topics.Commit(Thing))
                Functions.Commit(Columns(CommitColumns));
            else
                Jobs.Receive(topic, message);
        });

        JsonObject Columns(string[] names)
        {
            var columns = new JsonObject { ["thingName"] = Thing, ["topic"] = topic, ["clientId"] = clientId, ["principal"] = principal, ["receivedAt"] = Time.GetUtcNow().ToUnixTimeMilliseconds() };
            foreach (var name in names.Where(message.ContainsKey))
                columns[name] = message[name]?.DeepClone();
            return columns;
        }
    }

    public void ToDevice(string topic, JsonObject message)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(message);
        Carry("down", Reach(NameOf(topic), PointKind.Message), () =>
        {
            Hand(topic, message);
            Device.DeliverToProbes(new CloudMessage(topic, bytes));
        });
    }

    public void Dispose()
    {
        Device.Dispose();
    }

    private void JobEnded(JsonObject message)
    {
        // The rule's condition.
        if (!Schedule.NoEvents && message["statusDetails"]!.AsObject().ContainsKey(StatusDetailKeys.CertificateRotator))
        {
            var faults = Reach("event", PointKind.Message);
            if (faults.Contains(FaultKind.Drop))
                LostEnds.Add(message["eventId"]!.GetValue<string>());
            Carry("event", faults, () => Functions.JobEnded(message));
        }
    }

    private void Carry(string direction, FaultKind[] faults, Action arrive)
    {
        if (faults.Contains(FaultKind.Drop))
            return;
        if (faults.Contains(FaultKind.Reorder))
        {
            _heldBack[direction] = arrive;
            Time.After(TimeSpan.FromSeconds(3), () => Release(direction, arrive));
            return;
        }
        var latency = faults.Contains(FaultKind.Late) ? Jitter(TimeSpan.FromHours(3)) : faults.Contains(FaultKind.Delay) ? Delay() : Jitter(Latency);
        Time.After(latency, () =>
        {
            arrive();
            if (_heldBack.TryGetValue(direction, out var overtaken))
                Release(direction, overtaken);
        });
        if (faults.Contains(FaultKind.Duplicate))
            Time.After(latency + TimeSpan.FromMilliseconds(5), arrive);
        if (faults.Contains(FaultKind.Replay))
            Time.After(latency + TimeSpan.FromMinutes(10), arrive);
    }

    private void Release(string direction, Action overtaken)
    {
        if (_heldBack.TryGetValue(direction, out var held) && held == overtaken)
        {
            _heldBack.Remove(direction);
            Time.After(TimeSpan.Zero, overtaken);
        }
    }

    /// <summary>What the device would hear; a device that did not match tokens would take any answer for one to its own request.</summary>
    private void Hand(string topic, JsonObject message)
    {
        if (_weakness == Weakness.AnyToken && message.ContainsKey("clientToken") && _tokens.TryGetValue(topic[..topic.LastIndexOf('/')], out var token))
        {
            message = message.DeepClone().AsObject();
            message["clientToken"] = token;
        }
        Device.Deliver(new CloudMessage(topic, JsonSerializer.SerializeToUtf8Bytes(message)));
    }

    private void Sweep()
    {
        Functions.Sweep();
        Time.After(SweepEvery, Sweep);
    }

    /// <summary>Of what length matters only beside other faults: as often a few seconds as a few minutes.</summary>
    private TimeSpan Delay() => TimeSpan.FromSeconds(_random is null ? 40 : Math.Pow(600, _random.NextDouble()));

    private TimeSpan Jitter(TimeSpan pause) => _random is null ? pause : pause * (0.25 + _random.NextDouble() * 3);

    /// <summary>Deleting takes AWS some seconds.</summary>
    private void Recreate()
    {
        if (Jobs.DeleteCurrent() is { } jobId)
            Time.After(Jitter(TimeSpan.FromSeconds(5)), () => Jobs.Queue(jobId));
    }

    private void SendAsImpostor()
    {
        if (Device.Principal is not { } principal || !Admits(principal) || Jobs.Executions.FindLast(e => !e.IsOver) is not { } job)
            return;
        Functions.Commit(new JsonObject
        {
            ["thingName"] = Thing, ["topic"] = Topics.Commit(Thing), ["clientId"] = Thing, ["principal"] = principal,
            ["jobId"] = job.JobId, ["clientToken"] = "impostor",
        });
        Functions.Create(new JsonObject
        {
            ["thingName"] = Thing, ["topic"] = Topics.Create(Thing), ["clientId"] = Thing, ["principal"] = principal,
            ["attest"] = true, ["certificateId"] = principal, ["clientToken"] = "impostor", ["component"] = "1.0", ["keyStore"] = "file", ["notAfter"] = 1,
        });
    }

    /// <summary>What other components on the device, and other clients of the thing, cause to be heard.</summary>
    private void SendForeign()
    {
        var details = new JsonObject { ["step"] = "somebody else's" };
        var other = new JsonObject
        {
            ["jobId"] = "other-job", ["status"] = "IN_PROGRESS", ["versionNumber"] = 7, ["executionNumber"] = 1, ["queuedAt"] = 1, ["statusDetails"] = details,
            ["jobDocument"] = new JsonObject { ["operation"] = "REBOOT" },
        };
        (string Topic, JsonObject Message)[] messages =
        [
            (Topics.Accepted(Topics.NextJobGet(Thing)), new JsonObject { ["clientToken"] = "other", ["timestamp"] = 1, ["execution"] = other.DeepClone() }),
            (Topics.Accepted(Topics.NextJobGet(Thing)), new JsonObject { ["timestamp"] = 1 }),
            (Topics.Accepted(Topics.JobGet(Thing, "job-1")), new JsonObject { ["clientToken"] = "other", ["timestamp"] = 1, ["execution"] = other.DeepClone() }),
            (Topics.Accepted(Topics.JobUpdate(Thing, "job-1")), new JsonObject { ["clientToken"] = "other", ["timestamp"] = 1, ["executionState"] = new JsonObject { ["status"] = "FAILED", ["versionNumber"] = 9 } }),
            (Topics.Accepted(Topics.JobUpdate(Thing, "other-job")), new JsonObject { ["timestamp"] = 1 }),
            (Topics.Rejected(Topics.JobUpdate(Thing, "job-1")), new JsonObject { ["clientToken"] = "other", ["code"] = "TerminalStateReached", ["message"] = "over" }),
            (Topics.NotifyNext(Thing), new JsonObject { ["timestamp"] = 1, ["execution"] = other.DeepClone() }),
            (Topics.Accepted(Topics.Create(Thing)), new JsonObject { ["certificatePem"] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n" }),
            (Topics.Rejected(Topics.Create(Thing)), new JsonObject { ["errorMsg"] = "Pre-conditions not met" }),
            (Topics.Rejected(Topics.Commit(Thing)), new JsonObject { ["errorMsg"] = "Pre-conditions not met", ["clientToken"] = "other", ["code"] = RefusalCode.ClosedInFavourOfOld }),
        ];
        foreach (var (topic, message) in messages)
            Hand(topic, message);
    }
}
