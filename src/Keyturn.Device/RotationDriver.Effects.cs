using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;

namespace Keyturn.Device;

internal sealed partial class RotationDriver
{
    private void Perform(RotationEffect effect)
    {
        switch (effect)
        {
            case RotationEffect.Ask ask:
                Ask(ask);
                break;
            case RotationEffect.Tell tell:
                _tell = tell.Update;
                break;
            case RotationEffect.SetAlarm alarm:
                _alarms[alarm.Alarm] = ports.Time.GetTimestamp() + Ticks(alarm.After);
                break;
            case RotationEffect.Prepare:
                Try(() => ports.Store.Prepare(options()) is var pair ? new RotationEvent.Prepared(pair.Old, pair.New) : null!, r => new RotationEvent.PreparationFailed(r));
                break;
            case RotationEffect.StoreCertificate e:
                Try(() => new RotationEvent.CertificateStored(ports.Store.StoreCertificate(e.Credential, e.CertificatePem, CloudTime()).CertificateId), r => new RotationEvent.CertificateUnfit(r));
                break;
            case RotationEffect.SwitchTo e:
                Try(() => Switch(e.Credential, mustBeReached: true), r => new RotationEvent.SwitchFailed(r));
                break;
            case RotationEffect.SwitchBackTo e:
                Try(() => Switch(e.Credential, mustBeReached: false), r => new RotationEvent.SwitchFailed(r));
                break;
            case RotationEffect.Remove e:
                // What can't be removed now is swept later: the rotation is none the worse.
                Try(() => Removed(() => ports.Store.Remove(e.Credential)), _ => new RotationEvent.CredentialRemoved());
                break;
            case RotationEffect.Sweep:
                Try(() => Removed(ports.Store.Sweep), _ => new RotationEvent.CredentialRemoved());
                break;
            case RotationEffect.Preflight:
                Beside(cancellation => ports.Probe.PreflightAsync(_state.Current!, cancellation));
                break;
            case RotationEffect.Compare e:
                Beside(cancellation => ports.Probe.CompareAsync(e.Old, e.New, cancellation));
                break;
            case RotationEffect.AwaitNoDeployment:
                Beside(async cancellation =>
                {
                    await (ports.Units?.InstallAsync(cancellation) ?? Task.CompletedTask).ConfigureAwait(false);
                    await ports.Nucleus.WaitForNoDeploymentAsync(cancellation).ConfigureAwait(false);
                    return new RotationEvent.NoDeployment();
                });
                break;
            case RotationEffect.RestartNucleus:
                Beside(RestartAsync);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(effect), effect, null);
        }
    }

    private void Ask(RotationEffect.Ask ask)
    {
        var conversation = ask.AfterPause ? _conversations.Continue(_answered, ask.Request) : _conversations.Begin(ask.Request);
        conversation.Due = ask.AfterPause
            ? ports.Time.GetTimestamp() + Ticks(RetryPolicy.Pause(ask.Request, Math.Max(conversation.Sent, 1), NextRandom()))
            : ports.Time.GetTimestamp();
    }

    private RotationEvent.Switched Switch(string credential, bool mustBeReached)
    {
        ports.Store.SwitchTo(credential, mustBeReached);
        Log.Switched(ports.Log, credential);
        return new RotationEvent.Switched(ports.Nucleus.Session);
    }

    private static RotationEvent.CredentialRemoved Removed(Action remove)
    {
        remove();
        return new RotationEvent.CredentialRemoved();
    }

    private void Try(Func<RotationEvent> work, Func<string, RotationEvent> failure)
    {
        try
        {
            _outcomes.Enqueue(work());
        }
        catch (Exception e) when (e is IOException or CredentialException or CertificateUnfitException or UnauthorizedAccessException)
        {
            Log.EffectFailed(ports.Log, e.Message);
            _outcomes.Enqueue(failure(e.Message));
        }
    }

    /// <summary>The subscriptions are gone with the nucleus's old session, though nothing says so.</summary>
    private RotationEvent AfterRestart()
    {
        ports.Cloud.Reopen();
        try
        {
            return new RotationEvent.Restarted(ports.Nucleus.Session);
        }
        catch (IOException e)
        {
            return new RotationEvent.RestartFailed(e.Message);
        }
    }

    private async Task<RotationEvent> RestartAsync(CancellationToken cancellation)
    {
        if (ports.Nucleus.IsOutlived)
            Log.RestartingBeside(ports.Log);
        else
            Log.Restarting(ports.Log);
        if (await ports.Nucleus.RestartAsync(cancellation).ConfigureAwait(false) is { } reason)
            return new RotationEvent.RestartFailed(reason);
        if (ports.Nucleus.IsOutlived)
            return AfterRestart();
        await Task.Delay(RestartTime, ports.Time, cancellation).ConfigureAwait(false);
        return new RotationEvent.RestartFailed("the nucleus was told to restart and did not");
    }

    /// <summary>Nothing waits for it, and what it can't do is done after the next rotation.</summary>
    private void RemoveUnits() => _ = ports.Units?.RemoveAsync(CancellationToken.None);

    private void Beside<T>(Func<CancellationToken, Task<T>> work) where T : RotationEvent
    {
        _beside ??= new CancellationTokenSource();
        var token = _beside.Token;
        _ = RunBesideAsync();

        async Task RunBesideAsync()
        {
            try
            {
                // Beside the loop from the first instruction on: it holds the journal's lock now.
                await Task.Delay(TimeSpan.FromMilliseconds(1), ports.Time, token).ConfigureAwait(false);
                _inbox.Writer.TryWrite(new Finished(await work(token).ConfigureAwait(false), null, token));
            }
            catch (OperationCanceledException) when (token.IsCancellationRequested)
            {
                // The machine has moved on.
            }
            catch (Exception e)
            {
                // Whatever it is: the rotation would wait for ever for what nobody sees.
                _inbox.Writer.TryWrite(new Finished(null, e, token));
            }
        }
    }

    /// <summary>The cloud's time where it is known: a device's clock may be years off.</summary>
    private DateTimeOffset CloudTime() =>
        _conversations.CloudTime is { } seconds ? DateTimeOffset.FromUnixTimeSeconds(seconds) : ports.Time.GetUtcNow();
}
