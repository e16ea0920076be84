using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Tests.World;

/// <summary>The ledger's contract on dictionaries.</summary>
internal sealed class InMemoryLedger(IPortCalls calls) : IRotationLedger
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Thing, string Id), Rotation> _rotations = [];
    private readonly Dictionary<string, string> _active = [];
    private readonly Dictionary<string, string> _keys = [];
    private readonly Dictionary<(string Thing, string Id), RecordedRefusal> _refusals = [];
    private readonly Dictionary<(string Thing, string Id), DateTimeOffset> _notices = [];
    private readonly Dictionary<string, HeardDevice> _heard = [];
    private string? _cursor;

    /// <summary>Entries of a page of <see cref="ListDueAsync"/>.</summary>
    public int PageSize { get; init; } = 100;

    /// <summary>Without the condition of its updates, to see what that is for: whoever writes last wins, whatever it had read.</summary>
    public bool TakesAnyVersion { get; init; }

    public IEnumerable<Rotation> Rotations => _rotations.Values;

    public Task<ThingLedger> ReadAsync(string thing, CancellationToken cancellation) => CallAsync("ledger.Read", () => new ThingLedger(
        _active.GetValueOrDefault(thing),
        [.. _rotations.Values.Where(r => r.Thing == thing)],
        [.. _refusals.Values.Where(r => r.Thing == thing)],
        _heard.GetValueOrDefault(thing)));

    public Task<OpenOutcome> OpenAsync(Rotation rotation, string? superseded, CancellationToken cancellation) => CallAsync("ledger.Open", () =>
    {
        if (_rotations.ContainsKey((rotation.Thing, rotation.RotationId)) || _active.GetValueOrDefault(rotation.Thing) != superseded)
        {
            return OpenOutcome.Conflict;
        }

        if (!_keys.TryAdd(rotation.KeyHash, rotation.RotationId))
        {
            return OpenOutcome.KeyReused;
        }

        _active[rotation.Thing] = rotation.RotationId;
        _rotations.Add((rotation.Thing, rotation.RotationId), rotation);
        return OpenOutcome.Opened;
    });

    public Task<bool> TryCloseUnopenedAsync(string thing, string? superseded, string jobEnd, CancellationToken cancellation) =>
        CallAsync("ledger.TryCloseUnopened", () =>
        {
            if (_active.GetValueOrDefault(thing) != superseded)
            {
                return false;
            }

            _active[thing] = jobEnd;
            return true;
        });

    public Task<Rotation?> TryUpdateAsync(Rotation rotation, CancellationToken cancellation) => CallAsync("ledger.TryUpdate", () =>
    {
        var key = (rotation.Thing, rotation.RotationId);
        return _rotations.TryGetValue(key, out var stored) && (TakesAnyVersion || stored.Version == rotation.Version)
            ? _rotations[key] = rotation with { Version = rotation.Version + 1 }
            : null;
    });

    public Task RecordRefusalAsync(RecordedRefusal refusal, CancellationToken cancellation) =>
        CallAsync("ledger.RecordRefusal", () => _refusals[(refusal.Thing, refusal.RotationId)] = refusal);

    public Task<NoticeClaim> TryClaimNoticeAsync(
        string thing, string noticeId, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation) => CallAsync("ledger.TryClaimNotice", () =>
    {
        if (_notices.TryGetValue((thing, noticeId), out var claimed) && claimed >= now)
        {
            return claimed == DateTimeOffset.MaxValue ? NoticeClaim.Sent : NoticeClaim.Held;
        }

        _notices[(thing, noticeId)] = until;
        return NoticeClaim.Granted;
    });

    public Task MarkNoticeSentAsync(string thing, string noticeId, CancellationToken cancellation) =>
        CallAsync("ledger.MarkNoticeSent", () => _notices[(thing, noticeId)] = DateTimeOffset.MaxValue);

    /// <summary>Another invocation, at the same time.</summary>
    public void SendElsewhere(string thing, string noticeId) => _notices[(thing, noticeId)] = DateTimeOffset.MaxValue;

    /// <summary>By the table's time to live: unlike an open rotation, what was told is kept for a while only.</summary>
    public void ExpireNotices() => _notices.Clear();

    public Task RecordHeardAsync(HeardDevice device, CancellationToken cancellation) =>
        CallAsync("ledger.RecordHeard", () => _heard[device.Thing] = device);

    public Task<DuePage> ListDueAsync(DueKind kind, DateTimeOffset before, string? cursor, CancellationToken cancellation) => CallAsync("ledger.ListDue", () =>
    {
        var due = kind == DueKind.Heard
            ? _heard.Values.Where(h => !h.IsSilent).Select(h => (h.At, h.Thing, Id: ""))
            : _rotations.Values.Where(r => r.IsOpen).Select(r => (At: r.DueAt, r.Thing, Id: r.RotationId));
        var rest = due.Where(d => d.At < before).OrderBy(d => d)
            .Select(d => (d.Thing, Key: FormattableString.Invariant($"{d.At.UtcTicks:D20}|{d.Thing}|{d.Id}")))
            .Where(d => string.CompareOrdinal(d.Key, cursor) > 0).ToList();
        return new DuePage([.. rest.Take(PageSize).Select(d => d.Thing)], rest.Count > PageSize ? rest[PageSize - 1].Key : null);
    });

    public Task<string?> ReadSweepCursorAsync(CancellationToken cancellation) => CallAsync("ledger.ReadSweepCursor", () => _cursor);

    public Task WriteSweepCursorAsync(string? cursor, CancellationToken cancellation) => CallAsync("ledger.WriteSweepCursor", () => _cursor = cursor);

    private Task<T> CallAsync<T>(string name, Func<T> effect) => calls.CallAsync(name, () =>
    {
        lock (_lock)
        {
            return effect();
        }
    });
}
