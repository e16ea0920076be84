using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Faults;

/// <summary>Every fault that is set, and each plane's question whether one strikes now. The newest fault is asked first.</summary>
/// <param name="certificates">Ids of all that are registered.</param>
internal sealed class FaultBook(int seed, TimeProvider time, Func<IEnumerable<string>> certificates, ILogger log) : IBrokerFaults
{
    private const int Most = 100;

    private static readonly IReadOnlyList<TimeSpan> Undisturbed = [TimeSpan.Zero];

    private readonly Lock _lock = new();
    private volatile Fault[] _faults = [];
    private int _ids;

    public int Seed { get; } = seed;

    /// <exception cref="FormatException">Too many.</exception>
    public IReadOnlyList<Fault> Add(IReadOnlyList<FaultSpec> specs)
    {
        IReadOnlySet<string> known = specs.Any(s => s.Kind == FaultKind.Refuse) ? certificates().ToHashSet(StringComparer.Ordinal) : new HashSet<string>();
        lock (_lock)
        {
            if (_faults.Length + specs.Count > Most)
                throw new FormatException($"more than {Most} faults at a time");
            var added = specs.Select(s => new Fault(++_ids, s, Seed, time.GetUtcNow(), known)).ToList();
            _faults = [.. Enumerable.Reverse(added), .. _faults];
            return added;
        }
    }

    /// <param name="id">Null: all of them.</param>
    public bool Remove(int? id)
    {
        List<Fault> removed;
        lock (_lock)
        {
            removed = [.. _faults.Where(f => id is null || f.Id == id)];
            _faults = [.. _faults.Except(removed)];
        }

        removed.ForEach(f => f.Dispose());
        return removed.Count > 0;
    }

    public JsonObject Show() => new()
    {
        ["seed"] = Seed,
        ["faults"] = new JsonArray([.. _faults.OrderBy(f => f.Id).Select(f => (JsonNode)new JsonObject
        {
            ["id"] = f.Id, ["fault"] = f.Spec.Text, ["strikes"] = f.Strikes,
        })]),
    };

    public IReadOnlyList<TimeSpan> Plan(string topic)
    {
        var fault = Striking(f => f.Kind <= FaultKind.Reorder && TopicFilter.Matches(f.Topic, topic), topic);
        return fault?.Spec.Kind switch
        {
            null => Undisturbed,
            FaultKind.Drop => [],
            FaultKind.Duplicate => [TimeSpan.Zero, fault.Spec.By],
            FaultKind.Delay => [fault.Spec.By],
            _ => [fault.AnyDelay()],
        };
    }

    public CallVerdict Judge(string call) =>
        Striking(f => f.Kind is FaultKind.Throttle or FaultKind.Fail && IsLike(f.Call, call), call)?.Spec.Kind switch
        {
            FaultKind.Throttle => CallVerdict.Throttled,
            FaultKind.Fail => CallVerdict.Failed,
            _ => CallVerdict.Admitted,
        };

    /// <summary>Does the function die between this call's effect and its answer?</summary>
    public bool Kills(string function, string call) =>
        Striking(f => f.Kind == FaultKind.Kill && IsLike(f.Function, function) && IsLike(f.Call, call), $"{function} at {call}") is not null;

    /// <summary>Is the certificate refused although it is registered and ACTIVE?</summary>
    public bool Refuses(string certificateId)
    {
        foreach (var fault in _faults)
        {
            var spec = fault.Spec;
            var isMeant = spec.Kind == FaultKind.Refuse
                && (spec.Certificate == "all" || (spec.Certificate == "new" ? !fault.CertificatesThen.Contains(certificateId)
                    : certificateId.StartsWith(spec.Certificate, StringComparison.Ordinal)));
            if (isMeant && fault.Strike())
            {
                log.FaultStruck(spec.Text, certificateId);
                return true;
            }
        }

        return false;
    }

    /// <summary>Returns at once unless the plane is frozen, else when it thaws.</summary>
    public async ValueTask ThawedAsync(string plane, CancellationToken cancellation)
    {
        while (_faults.FirstOrDefault(f => IsFrozen(f, plane)) is { } frozen)
        {
            frozen.Strike();
            if (frozen.Spec.For is not { } period)
                await frozen.Lifted.WaitAsync(cancellation);
            else if (frozen.SetAt + period - time.GetUtcNow() is var rest && rest > TimeSpan.Zero)
                await Task.WhenAny(frozen.Lifted, Task.Delay(rest, time, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    public bool IsFrozen(string plane) => _faults.Any(f => IsFrozen(f, plane));

    private bool IsFrozen(Fault fault, string plane) =>
        fault.Spec.Kind == FaultKind.Freeze && fault.Spec.Plane == plane && !(fault.SetAt + fault.Spec.For <= time.GetUtcNow());

    private Fault? Striking(Func<FaultSpec, bool> applies, string what)
    {
        foreach (var fault in _faults)
        {
            if (applies(fault.Spec) && fault.Strike())
            {
                log.FaultStruck(fault.Spec.Text, what);
                return fault;
            }
        }

        return null;
    }

    private static bool IsLike(string pattern, string name) => Wildcard.Matches(pattern, name, ignoreCase: true);
}
