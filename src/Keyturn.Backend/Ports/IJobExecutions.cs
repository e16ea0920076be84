namespace Keyturn.Backend.Ports;

public interface IJobExecutions
{
    /// <summary>The thing's execution of the job as the service holds it now; null when there is none.</summary>
    Task<JobExecution?> FindAsync(string thing, string jobId, CancellationToken cancellation);
}

/// <param name="QueuedAt">Epoch seconds.</param>
/// <param name="Document">The job document as text.</param>
public sealed record JobExecution(string JobId, string Status, long QueuedAt, long ExecutionNumber, string Document)
{
    public const string InProgress = "IN_PROGRESS";
    public const string Succeeded = "SUCCEEDED";
}
