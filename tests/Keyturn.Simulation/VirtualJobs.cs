using System.Text.Json.Nodes;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;

namespace Keyturn.Simulation;

internal sealed class Execution(string jobId, long queuedAt)
{
    public string JobId => jobId;

    public long QueuedAt => queuedAt;

    public string Status { get; set; } = "QUEUED";

    public int Version { get; set; } = 1;

    public JsonObject Details { get; set; } = [];

    public TimeSpan? TimesOut { get; set; }

    public bool IsOver => Status is not ("QUEUED" or "IN_PROGRESS");

    public bool IsMarked => Details.ContainsKey(StatusDetailKeys.CertificateRotator);
}

/// <summary>The Jobs service for one thing: as strict about versions and final states as AWS.</summary>
internal sealed class VirtualJobs(VirtualTime time, string thing, Action<string, JsonObject> toDevice, Action<string, JsonObject> raise)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(60);
    private string? _announced;

    public List<Execution> Executions { get; } = [];

    public Execution? Find(string jobId) => Executions.FirstOrDefault(e => e.JobId == jobId);

    public JobExecution? Describe(string jobId) => Find(jobId) is { } e ? new JobExecution(jobId, e.Status, e.QueuedAt, 1, """{"operation":"ROTATE_CERTIFICATE"}""") : null;

    public void Queue(string jobId)
    {
        if (Find(jobId) is null)
            Executions.Add(new Execution(jobId, Seconds));
        Announce();
    }

    /// <summary>The operator, or the clock, ends what the device has under way.</summary>
    public void EndCurrent(string status)
    {
        if (Head is { } head)
            End(head, status);
    }

    public void Receive(string topic, JsonObject request)
    {
        var parts = topic.Split('/');
        var (jobId, operation) = (parts[^2], parts[^1]);
        if (operation == "get")
            Get(topic, jobId, request);
        else
            Update(topic, jobId, request);
    }

    private long Seconds => time.GetUtcNow().ToUnixTimeSeconds();

    private Execution? Head => Executions.Find(e => e.Status == "IN_PROGRESS") ?? Executions.Find(e => e.Status == "QUEUED");

    private void Get(string topic, string jobId, JsonObject request)
    {
        var execution = jobId == "$next" ? Head : Find(jobId);
        if (execution is null && jobId != "$next")
            Refuse(topic, request, "ResourceNotFound", null);
        else if (execution is null)
            Accept(topic, request, []);
        else
            Accept(topic, request, new JsonObject { ["execution"] = Show(execution) });
    }

    private void Update(string topic, string jobId, JsonObject request)
    {
        if (Find(jobId) is not { } execution || request["executionNumber"]!.GetValue<long>() != 1)
            Refuse(topic, request, "ResourceNotFound", null);
        else if (execution.IsOver)
            Refuse(topic, request, "TerminalStateReached", execution);
        else if (request["expectedVersion"]!.GetValue<int>() != execution.Version)
            Refuse(topic, request, "VersionMismatch", execution);
        else
        {
            execution.Version++;
            execution.Details = request["statusDetails"]!.DeepClone().AsObject();
            var status = request["status"]!.GetValue<string>();
            if (status == "IN_PROGRESS")
                Start(execution);
            else
                End(execution, status);
            Accept(topic, request, new JsonObject { ["executionState"] = State(execution) });
        }
    }

    private void Start(Execution execution)
    {
        if (execution.Status == "IN_PROGRESS")
            return;
        execution.Status = "IN_PROGRESS";
        execution.TimesOut = time.Now + Timeout;
        time.After(Timeout, () => End(execution, "TIMED_OUT"));
    }

    private void End(Execution execution, string status)
    {
        if (execution.IsOver)
            return;
        execution.Status = status;
        raise(status, new JsonObject
        {
            ["eventType"] = "JOB_EXECUTION", ["eventId"] = $"event-{execution.JobId}", ["timestamp"] = Seconds, ["operation"] = status.ToLowerInvariant(),
            ["jobId"] = execution.JobId, ["thingArn"] = $"arn:aws:iot:us-east-1:012345678901:thing/{thing}", ["status"] = status, ["statusDetails"] = execution.Details.DeepClone(),
        });
        Announce();
    }

    private void Announce()
    {
        var head = Head;
        if (head?.JobId == _announced)
            return;
        _announced = head?.JobId;
        toDevice(Topics.NotifyNext(thing), head is null ? [] : new JsonObject { ["execution"] = Show(head) });
    }

    private void Accept(string topic, JsonObject request, JsonObject answer) => Answer(Topics.Accepted(topic), request, answer);

    private void Refuse(string topic, JsonObject request, string code, Execution? execution)
    {
        var answer = new JsonObject { ["code"] = code, ["message"] = code };
        if (execution is not null)
            answer["executionState"] = State(execution);
        Answer(Topics.Rejected(topic), request, answer);
    }

    private void Answer(string topic, JsonObject request, JsonObject answer)
    {
        answer["timestamp"] = Seconds;
        answer["clientToken"] = request["clientToken"]!.GetValue<string>();
        toDevice(topic, answer);
    }

    private JsonObject Show(Execution e)
    {
        var shown = State(e);
        shown["jobId"] = e.JobId;
        shown["queuedAt"] = e.QueuedAt;
        shown["executionNumber"] = 1;
        shown["jobDocument"] = new JsonObject { ["operation"] = "ROTATE_CERTIFICATE" };
        if (e is { Status: "IN_PROGRESS", TimesOut: { } end })
            shown["approximateSecondsBeforeTimedOut"] = (int)(end - time.Now).TotalSeconds;
        return shown;
    }

    private static JsonObject State(Execution e) => new() { ["status"] = e.Status, ["statusDetails"] = e.Details.DeepClone(), ["versionNumber"] = e.Version };
}
