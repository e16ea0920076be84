namespace Keyturn.LocalCloud.Jobs;

/// <summary>What the engine must look at, and when. Looking too early or in vain is harmless.</summary>
internal sealed class WakeUps
{
    private readonly PriorityQueue<(Job Job, JobExecution? Execution), DateTimeOffset> _queue = new();

    public DateTimeOffset? Next => _queue.TryPeek(out _, out var at) ? at : null;

    public void Add(DateTimeOffset at, Job job, JobExecution? execution = null) => _queue.Enqueue((job, execution), at);

    public IEnumerable<(Job Job, JobExecution? Execution)> TakeDue(DateTimeOffset now)
    {
        while (_queue.TryPeek(out var entry, out var at) && at <= now)
        {
            _queue.Dequeue();
            yield return entry;
        }
    }
}
