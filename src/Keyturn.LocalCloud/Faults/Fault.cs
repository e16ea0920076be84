using System.Security.Cryptography;
using System.Text;

namespace Keyturn.LocalCloud.Faults;

/// <summary>
/// A fault that is set. Its randomness is its own, drawn from the seed and its text, so that one fault's luck does not depend on
/// what the others see.
/// </summary>
internal sealed class Fault : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _lifted = new(TaskCreationOptions.RunContinuationsAsynchronously);
#pragma warning disable CA5394 // Faults must be reproducible, not unpredictable.
    private readonly Random _random;

    public Fault(int id, FaultSpec spec, int seed, DateTimeOffset setAt, IReadOnlySet<string> certificatesThen)
    {
        (Id, Spec, SetAt, CertificatesThen) = (id, spec, setAt, certificatesThen);
        _random = new Random(seed ^ BitConverter.ToInt32(SHA256.HashData(Encoding.UTF8.GetBytes(spec.Text))));
    }

    public int Id { get; }

    public FaultSpec Spec { get; }

    public DateTimeOffset SetAt { get; }

    /// <summary>Registered before it was set.</summary>
    public IReadOnlySet<string> CertificatesThen { get; }

    /// <summary>How often it has struck.</summary>
    public int Strikes { get; private set; }

    private int Seen { get; set; }

    /// <summary>Ends when the fault is taken away.</summary>
    public Task Lifted => _lifted.Task;

    /// <summary>It applies once more: does it strike?</summary>
    public bool Strike()
    {
        lock (_lock)
        {
            Seen++;
            if (Seen < Spec.Nth || Strikes >= Spec.Times || (Spec.Share < 1 && _random.NextDouble() >= Spec.Share))
                return false;
            Strikes++;
            return true;
        }
    }

    /// <summary>For reordering: a delay of any length up to the one that was given.</summary>
    public TimeSpan AnyDelay()
    {
        lock (_lock)
            return Spec.By * _random.NextDouble();
    }
#pragma warning restore CA5394

    public void Dispose() => _lifted.TrySetResult();
}
