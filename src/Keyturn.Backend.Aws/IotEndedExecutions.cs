using Keyturn.Backend.Aws.Clients;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

/// <summary>
/// The control plane still tells how an execution ended, which the data plane does not. Its quota is small: for sweeps, not for rotations.
/// It gives no document.
/// </summary>
public sealed class IotEndedExecutions(IotClient iot) : IJobExecutions
{
    public async Task<JobExecution?> FindAsync(string thing, string jobId, CancellationToken cancellation)
    {
        try
        {
            var execution = await Services.CallAsync(
                "iot", "DescribeJobExecution", () => iot.DescribeJobExecutionAsync(jobId, thing, null, cancellation));
            return new JobExecution(jobId, execution.Status, (long)execution.QueuedAt, execution.ExecutionNumber, "");
        }
        catch (DependencyException exception) when (exception.Code == Services.NotFound)
        {
            return null;
        }
    }
}
