using Greengrass.Ipc;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>
/// Keeps deployments and restarts of the nucleus apart. A deployment that asks while the credential is being switched waits; while one is under way, no
/// restart begins. Every question is answered at once: silence would hold up every deployment on the device.
/// </summary>
/// <param name="state">Where the rotation stands.</param>
/// <param name="longestDeferral">How long a switch may hold deployments up.</param>
/// <param name="startedLate">This process is not the one that the nucleus started along with itself: a deployment may just have put it here, and not be over.</param>
internal sealed class DeploymentWatch(Func<RotationState> state, Func<TimeSpan> longestDeferral, bool startedLate, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Recheck = TimeSpan.FromSeconds(5);

    /// <summary>A component that a deployment installs has no way to learn that the deployment goes on; most end when it runs.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(30);

    /// <summary>From the word that no deployment is under way until the state shows the switch.</summary>
    private static readonly TimeSpan ClaimTime = TimeSpan.FromSeconds(5);

    /// <summary>Some nuclei say nothing when a deployment is called off. One that is under way for so long is taken for over.</summary>
    private static readonly TimeSpan LongestDeployment = TimeSpan.FromHours(1);

    /// <summary>Timers count whole milliseconds and leave the rest out, so that a wait for the rest alone would be none.</summary>
    private static readonly TimeSpan TimerStep = TimeSpan.FromMilliseconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, long> _underWay = new(StringComparer.Ordinal);
    private readonly long _started = time.GetTimestamp();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long? _claimed;
    private long? _deferringSince;

    /// <summary>Completes when no deployment is under way. From then on one that asks is held up.</summary>
    public async Task WaitForNoneAsync(CancellationToken cancellation)
    {
        for (var isSaid = false; ; isSaid = true)
        {
            Task changed;
            TimeSpan left;
            lock (_lock)
            {
                // Read once: what is left may run out at any moment, and nothing else would end a wait for a change then.
                var now = time.GetTimestamp();
                left = Left(now);
                if (left == TimeSpan.Zero)
                {
                    _claimed = now;
                    return;
                }
                changed = _changed.Task;
            }
            if (!isSaid)
                Log.WaitingForDeployment(log);
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            await Task.WhenAny(changed, Task.Delay(left + TimerStep, time, over.Token)).ConfigureAwait(false);
            await over.CancelAsync().ConfigureAwait(false);
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>How long it lasts at most until no deployment is under way.</summary>
    private TimeSpan Left(long now)
    {
        var left = startedLate ? Settling - time.GetElapsedTime(_started, now) : TimeSpan.Zero;
        foreach (var asked in _underWay.Values)
            left = TimeSpan.FromTicks(Math.Max(left.Ticks, (LongestDeployment - time.GetElapsedTime(asked, now)).Ticks));
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>Answers until the connection ends.</summary>
    public async Task AnswerAsync(GreengrassIpcClient client, IpcSubscription<ComponentUpdate> updates, CancellationToken cancellation)
    {
        try
        {
            await foreach (var update in updates.WithCancellation(cancellation).ConfigureAwait(false))
            {
                if (update is PostComponentUpdate)
                {
                    Ended(update.DeploymentId);
                    continue;
                }
                var pause = Decide(update.DeploymentId);
                Log.DeploymentAnswered(log, update.DeploymentId, pause == TimeSpan.Zero ? "go ahead" : $"wait {pause.TotalSeconds:0} s, the credential is being switched");
                await TellAsync(client, update.DeploymentId, pause, cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            // Whether they ended can't be heard any more.
            Change(_underWay.Clear);
        }
    }

    private async Task TellAsync(GreengrassIpcClient client, string deployment, TimeSpan pause, CancellationToken cancellation)
    {
        try
        {
            var reason = pause == TimeSpan.Zero ? null : "The device's certificate is being switched";
            await client.DeferComponentUpdateAsync(deployment, pause, reason, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IpcServiceException or TimeoutException)
        {
            Log.NotListening(log, e.Message);
        }
    }

    public void Ended(string deployment) => Change(() => _underWay.Remove(deployment));

    /// <summary>How long the deployment has to wait before it asks again; zero lets it go on.</summary>
    public TimeSpan Decide(string deployment)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var isSwitching = state() is RotationState.Switching or RotationState.Trial or RotationState.Stranded { Reconnected: false } or RotationState.Aborting { Stage: AbortStage.Restore or AbortStage.Return };
            if (isSwitching || (_claimed is { } claimed && time.GetElapsedTime(claimed, now) < ClaimTime))
            {
                _deferringSince ??= now;
                if (longestDeferral() - time.GetElapsedTime(_deferringSince.Value, now) is var left && left > TimeSpan.Zero)
                    return left < Recheck ? left : Recheck;
            }
            else
            {
                _deferringSince = null;
            }
            _underWay[deployment] = now;
            return TimeSpan.Zero;
        }
    }

    private void Change(Action change)
    {
        lock (_lock)
        {
            change();
            _changed.TrySetResult();
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }
}
