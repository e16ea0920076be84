using System.Text.Json.Nodes;
using System.Threading.Channels;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>
/// AWS IoT Jobs: the engine with its surroundings: requests over MQTT and HTTP, changes of the registry, the clock. What comes
/// from the bus and from the registry is taken in order by one reader, so that nobody waits for the engine while holding a
/// lock of their own.
/// </summary>
internal sealed class JobsService : IAsyncDisposable
{
    private readonly IDeviceDirectory _directory;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly CloudAccount _account;
    private readonly JobEngine _engine;
    private readonly JobsMqtt _mqtt;
    private readonly Channel<Func<CancellationToken, ValueTask>> _inbox = Channel.CreateUnbounded<Func<CancellationToken, ValueTask>>();
    private readonly IDisposable _watching;
    private readonly ITimer _timer;
    private readonly Task _reading;

    public JobsService(IDeviceDirectory directory, IMessageBus bus, CloudAccount account, TimeProvider time, ILogger<JobsService> logger, CallAdmission? admission = null)
    {
        (_directory, _account, _time, _logger) = (directory, account, time, logger);
        Events = new EventConfigurations(time);
        // The broker takes a message at once; there is nothing to wait for.
        _engine = new JobEngine(account, directory, Events, time, message => _ = bus.PublishAsync(message).AsTask(), logger);
        Templates = new JobTemplates(account, arn => _engine.Read(jobs => jobs.Values.FirstOrDefault(j => j.Arn == arn)), time);
        _mqtt = new JobsMqtt(_engine, bus, admission ?? ((_, _) => CallVerdict.Admitted), time);
        Operations =
        [
            .. new JobOperations(_engine, Templates, directory, account, time).All.Select(Timed),
            .. new ExecutionOperations(_engine, directory, account, time).All.Select(Timed),
            .. new JobsDataOperations(_engine, directory, account, time).All.Select(Timed),
            .. Templates.Operations,
            .. Events.Operations,
        ];
        _timer = time.CreateTimer(_ => Post(_ => _engine.Advance()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        directory.ThingJoinedGroup += Joined;
        directory.ThingLeftGroup += Left;
        directory.ThingDeleted += Deleted;
        _watching = bus.Watch(Watch);
        _reading = ReadAsync();
    }

    public EventConfigurations Events { get; }

    public JobTemplates Templates { get; }

    /// <summary>A job of another service of the cloud, in that service's own name space.</summary>
    public Job CreateFor(string space, string document, JsonObject settings, string targetArn)
    {
        var now = _time.GetUtcNow();
        var id = Guid.NewGuid().ToString();
        var job = new Job(id, _account.Arn("iot", "job/" + id), isContinuous: true, document, JobSettingsReader.Read(settings, new JobSettings(), isContinuous: true, now), now)
        {
            Namespace = space,
        };
        _engine.Create(job, [targetArn]);
        SetTimer();
        return job;
    }

    /// <summary>Withdraws the job from the things that have not begun it.</summary>
    public void CancelFor(string jobId)
    {
        if (_engine.Read(jobs => jobs.GetValueOrDefault(jobId)?.Status is JobStatus.InProgress))
            _engine.CancelJob(jobId, force: false, reasonCode: null, comment: null);
        SetTimer();
    }

    public T Read<T>(Func<IReadOnlyDictionary<string, Job>, T> read) => _engine.Read(read);

    /// <summary>Of iot and iot-jobs-data.</summary>
    public IReadOnlyList<ApiOperation> Operations { get; }

    public async ValueTask DisposeAsync()
    {
        _watching.Dispose();
        _directory.ThingJoinedGroup -= Joined;
        _directory.ThingLeftGroup -= Left;
        _directory.ThingDeleted -= Deleted;
        await _timer.DisposeAsync();
        _inbox.Writer.TryComplete();
        await _reading;
    }

    private void Watch(BusMessage message)
    {
        if (JobsMqtt.IsRequest(message))
        {
            _inbox.Writer.TryWrite(async cancellation =>
            {
                try
                {
                    await _mqtt.HandleAsync(message, cancellation);
                }
                catch (Exception e)
                {
                    // A transport loop: the next request is served whatever became of this one.
                    _logger.JobsMessageFailed(e, message.Topic);
                }
            });
        }
    }

    private void Joined(string group, string thing) => Post(engine => engine.ThingJoined(group, thing));

    private void Left(string group, string thing) => Post(engine => engine.ThingLeft(group, thing));

    private void Deleted(string thing) => Post(engine => engine.ThingDeleted(thing));

    private void Post(Action<JobEngine> action) => _inbox.Writer.TryWrite(_ =>
    {
        action(_engine);
        return ValueTask.CompletedTask;
    });

    private async Task ReadAsync()
    {
        await foreach (var action in _inbox.Reader.ReadAllAsync())
        {
            await action(CancellationToken.None);
            SetTimer();
        }
    }

    /// <summary>An operation may have made something due earlier than the timer knows.</summary>
    private ApiOperation Timed(ApiOperation operation) => operation with
    {
        Handler = async (request, cancellation) =>
        {
            try
            {
                return await operation.Handler(request, cancellation);
            }
            finally
            {
                SetTimer();
            }
        },
    };

    private void SetTimer()
    {
        var wait = _engine.NextWakeUp - _time.GetUtcNow();
        _timer.Change(wait is { } due ? (due > TimeSpan.Zero ? due : TimeSpan.Zero) : Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }
}
