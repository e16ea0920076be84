using System.Threading.Channels;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device;

/// <summary>What the driver drives.</summary>
/// <param name="CatchUp">Reads what keys are made with, before a rotation begins.</param>
/// <param name="IsSingleThreaded">Whoever hands over a message or lets time pass runs the driver meanwhile: for simulations, which have to come out the same each time.</param>
internal sealed record DriverPorts(
    Journal Journal, ICredentialStore Store, ICloudChannel Cloud, ICredentialProbe Probe, INucleus Nucleus, TimeProvider Time, Random Random, RotationLog Log,
    bool IsSingleThreaded = false, IRecoveryUnits? Units = null, Func<CancellationToken, Task>? CatchUp = null);

/// <summary>
/// Runs the machine: journals the state that an event leads to, does the effects, and feeds what comes of them back as events. Requests to the cloud are
/// said again until they are answered or the machine is in another state. One loop does all; only probes and the restart run beside it.
/// </summary>
internal sealed partial class RotationDriver(string thing, string version, Func<KeyOptions> options, DriverPorts ports)
{
    /// <summary>A nucleus that was told to restart and still runs this component after so long did not.</summary>
    private static readonly TimeSpan RestartTime = TimeSpan.FromMinutes(2);

    /// <summary>A step that can't be handed over so fast is not worth waiting for.</summary>
    private static readonly TimeSpan TellTime = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan StorageRetry = TimeSpan.FromSeconds(30);

    private readonly Channel<object> _inbox = Channel.CreateUnbounded<object>(new UnboundedChannelOptions { SingleReader = true, AllowSynchronousContinuations = ports.IsSingleThreaded });
    private readonly Queue<RotationEvent> _outcomes = [];
    private readonly Dictionary<Alarm, long> _alarms = [];
    private readonly Conversations _conversations = new(thing);
    private JournalEntry? _entry;
    private RotationState _state = new RotationState.Idle();
    private Conversation? _answered;
    private CloudRequest.UpdateJob? _tell;
    private CancellationTokenSource? _beside;
    private long? _storageRetry;

    public RotationState State => _state;

    public void Receive(CloudMessage message) => _inbox.Writer.TryWrite(message);

    /// <summary>The channel was opened (again): what was sent before may have gone unheard, and so may have notifications.</summary>
    public void ChannelOpened() => _inbox.Writer.TryWrite(Opened);

    public async Task RunAsync(CancellationToken cancellation)
    {
        Load();
        try
        {
            while (true)
            {
                Settle();
                await SendDueAsync(cancellation).ConfigureAwait(false);
                if (_outcomes.Count == 0)
                    await WaitAsync(cancellation).ConfigureAwait(false);
            }
        }
        finally
        {
            StopBeside();
        }
    }

    private static readonly object Opened = new(), Due = new();

    /// <summary>What came of work beside the loop.</summary>
    /// <param name="Round">Canceled when the machine moved on.</param>
    private sealed record Finished(RotationEvent? Outcome, Exception? Problem, CancellationToken Round);

    private void Load()
    {
        _entry = null;
        string session;
        try
        {
            // First: one that is over by the time that the journal is read makes the nucleus be restarted once more, and nothing be believed of it.
            session = ports.Nucleus.Session;
            using (ports.Journal.Enter())
                _entry = ports.Journal.Load();
        }
        catch (IOException e)
        {
            TakeUpLater(e);
            return;
        }
        _state = _entry.State;
        if (_state is RotationState.Idle)
            RemoveUnits();
        ports.Log.Follow(_state.Current);
        Log.Resumed(ports.Log, _state.GetType().Name);
        _outcomes.Enqueue(new RotationEvent.Restarted(session));
    }

    private void Resume()
    {
        try
        {
            _outcomes.Enqueue(new RotationEvent.Restarted(ports.Nucleus.Session));
        }
        catch (IOException e)
        {
            TakeUpLater(e);
        }
    }

    private void Settle()
    {
        while (_outcomes.TryDequeue(out var happened))
        {
            // Nothing happens to a rotation that is not known; it is looked at as a whole once it can be read.
            if (_entry is not { } entry)
                continue;
            try
            {
                Apply(entry, happened);
            }
            catch (JournalMovedException)
            {
                Log.JournalMoved(ports.Log);
                StopBeside();
                _conversations.EndAll();
                _outcomes.Clear();
                Load();
            }
            catch (IOException e)
            {
                // Nothing was done that the journal does not know of. What was going on is taken up again as after a restart.
                _state = _entry!.State;
                _conversations.EndAll();
                _outcomes.Clear();
                TakeUpLater(e);
            }
        }
    }

    private void TakeUpLater(Exception e)
    {
        StopBeside();
        Log.StorageFailed(ports.Log, e.Message);
        _storageRetry = ports.Time.GetTimestamp() + Ticks(StorageRetry);
    }

    private void Apply(JournalEntry entry, RotationEvent happened)
    {
        var (before, step) = (_state, RotationMachine.Next(_state, happened));
        if (step.State == before && step.Effects.Length == 0)
            return;
        using (ports.Journal.Enter())
        {
            if (step.State.IsDurable && step.State != entry.State)
                _entry = ports.Journal.Append(entry, step.State);
            else
                ports.Journal.Confirm(entry);
            _state = step.State;
            if (step.State.GetType() != before.GetType())
                Entered(before, step.State);
            foreach (var effect in step.Effects)
                Perform(effect);
        }
        _answered = null;
    }

    private void Entered(RotationState before, RotationState after)
    {
        _conversations.EndAll();
        _alarms.Clear();
        _answered = null;
        _tell = null;
        if (after is RotationState.Idle)
            _conversations.ForgetTold();
        StopBeside();
        ports.Log.Follow(after.Current ?? before.Current);
        if (after is RotationState.Starting starting)
            ports.Log.Follow(starting.Job);
        Log.Entered(ports.Log, before.GetType().Name, after.GetType().Name);
        switch (after)
        {
            case RotationState.Aborting a:
                Log.Aborting(ports.Log, a.Reason);
                break;
            case RotationState.Stranded { Turns: var turns }:
                Log.Alternating(ports.Log, turns.Turn);
                break;
            case RotationState.Switching { Turns: { } turns }:
                Log.Alternating(ports.Log, turns.Turn);
                break;
            case RotationState.Idle { LastOutcome: { } outcome }:
                Log.Finished(ports.Log, outcome);
                RemoveUnits();
                ports.Log.Follow((CurrentRotation?)null);
                break;
            default:
                break;
        }
    }

    private async Task SendDueAsync(CancellationToken cancellation)
    {
        if (!ports.Cloud.IsOpen)
            return;
        await TellAsync(cancellation).ConfigureAwait(false);
        var now = ports.Time.GetTimestamp();
        foreach (var conversation in _conversations.Open.Where(c => c.Due <= now).ToArray())
            await SendAsync(conversation, cancellation).ConfigureAwait(false);
    }

    private async Task TellAsync(CancellationToken cancellation)
    {
        if (_tell is not { } update)
            return;
        _tell = null;
        var token = NewToken();
        var (topic, payload) = _conversations.Compose(update, token, Facts, ports.Store.CertificateRequest);
        _conversations.Told(update, token);
        try
        {
            await ports.Cloud.SendAsync(topic, payload, cancellation).WaitAsync(TellTime, ports.Time, cancellation).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // The rotation does not wait for what only people read.
        }
    }

    private async Task SendAsync(Conversation conversation, CancellationToken cancellation)
    {
        var token = NewToken();
        try
        {
            if (conversation.SentIntoSilence >= 2)
            {
                // Twice unanswered: perhaps nobody listens any more on our side.
                conversation.SentIntoSilence = 0;
                ports.Cloud.Reopen();
                return;
            }
            var (topic, payload) = _conversations.Compose(conversation.Request, token, Facts, ports.Store.CertificateRequest);
            if (_state is RotationState.Starting && ports.CatchUp is { } catchUp)
                await catchUp(cancellation).ConfigureAwait(false);
            // Before it is sent: the answer may be faster than we are.
            conversation.WasSent(token);
            conversation.Due = ports.Time.GetTimestamp() + Ticks(RetryPolicy.Pause(conversation.Request, conversation.Sent, NextRandom()));
            var sent = await ports.Cloud.SendAsync(topic, payload, cancellation).ConfigureAwait(false);
            if (conversation.Sent > 1 || !sent)
                Log.SaidAgain(ports.Log, conversation.Request.GetType().Name, conversation.Sent);
        }
        catch (Exception e) when (e is IOException or CredentialException)
        {
            Log.StorageFailed(ports.Log, e.Message);
            conversation.Due = ports.Time.GetTimestamp() + Ticks(StorageRetry);
        }
    }

    private AttestFacts Facts()
    {
        var current = ports.Store.Inspect();
        return new AttestFacts(current.CertificateId, version, ports.Store.Kind, current.NotAfter.ToUnixTimeSeconds());
    }

    private async Task WaitAsync(CancellationToken cancellation)
    {
        var due = _conversations.Open.Where(_ => ports.Cloud.IsOpen).Select(c => c.Due).Concat(_alarms.Values).Append(_storageRetry ?? long.MaxValue).Min();
        if (_inbox.Reader.TryPeek(out _))
        {
            // No need to wait.
        }
        else if (due != long.MaxValue)
        {
            var pause = ports.Time.GetElapsedTime(ports.Time.GetTimestamp(), due);
            if (pause > TimeSpan.Zero)
            {
                using var timer = ports.Time.CreateTimer(static inbox => ((ChannelWriter<object>)inbox!).TryWrite(Due), _inbox.Writer, pause, Timeout.InfiniteTimeSpan);
                await _inbox.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
            }
        }
        else
        {
            await _inbox.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false);
        }
        if (_inbox.Reader.TryRead(out var input))
            Take(input);
        RingAlarms();
    }

    private void Take(object input)
    {
        switch (input)
        {
            case Finished { Round.IsCancellationRequested: true }:
                // What comes of another rotation's work, or of another step's, is no answer to this one's.
                break;
            case Finished { Outcome: { } outcome }:
                _outcomes.Enqueue(outcome);
                break;
            case Finished { Problem: { } problem }:
                TakeUpLater(problem);
                break;
            case CloudMessage message when _conversations.Receive(message, out var conversation) is { } heard:
                if (conversation is not null)
                {
                    // It is answered; what the machine makes of it may open it again.
                    conversation.WasAnswered();
                    _answered = conversation;
                }
                _outcomes.Enqueue(heard);
                break;
            case CloudMessage message:
                Log.Ignored(ports.Log, message.Topic, message.Payload.Length);
                break;
            case var wake when wake == Due:
                break;
            default:
                var now = ports.Time.GetTimestamp();
                foreach (var waiting in _conversations.Open.Where(c => c.Due != long.MaxValue))
                    waiting.Due = now;
                _outcomes.Enqueue(new RotationEvent.QueueChanged());
                break;
        }
    }

    private void RingAlarms()
    {
        var now = ports.Time.GetTimestamp();
        foreach (var (alarm, due) in _alarms.ToArray())
        {
            if (due > now)
                continue;
            _alarms.Remove(alarm);
            _outcomes.Enqueue(new RotationEvent.AlarmRang(alarm));
        }
        if (_storageRetry <= now)
        {
            _storageRetry = null;
            if (_entry is null)
                Load();
            else
                Resume();
        }
    }

    /// <summary>122 bits of the kernel's random numbers, nothing that anybody could guess: <see cref="System.Security.Cryptography.RandomNumberGenerator"/> would load OpenSSL for it (<see cref="Sha256"/>).</summary>
    private static string NewToken() => Guid.NewGuid().ToString("N");

    private double NextRandom() => ports.Random.NextDouble();

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * ports.Time.TimestampFrequency);

    private void StopBeside()
    {
        _beside?.Cancel();
        _beside?.Dispose();
        _beside = null;
    }
}
