using System.Text.Json.Nodes;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;

namespace Keyturn.Simulation;

internal sealed class Execution(string jobId, long queuedAt, long number)
{
    public string JobId => jobId;

    public long Number => number;

    /// <summary>Of the event of its end.</summary>
    public string EventId => $"event-{jobId}-{queuedAt}-{number}";

    public long QueuedAt => queuedAt;

    public string Status { get; set; } = "QUEUED";

    /// <summary>With its job, of which nothing is described any more.</summary>
    public bool IsDeleted { get; set; }

    public int Version { get; set; } = 1;

    public JsonObject Details { get; set; } = [];

    public TimeSpan? TimesOut { get; set; }

    public bool IsOver => Status is not ("QUEUED" or "IN_PROGRESS");

    public JobExecution Described => new(jobId, Status, queuedAt, number, """{"operation":"ROTATE_CERTIFICATE"}""");

    public bool IsMarked => Details.ContainsKey(StatusDetailKeys.CertificateRotator);
}

/// <summary>The Jobs service for one thing: as strict about versions and final states as AWS.</summary>
/// <param name="retries">How often an execution that fails or times out is queued again.</param>
internal sealed class VirtualJobs(VirtualTime time, string thing, int retries, Action<string, JsonObject> toDevice, Action<JsonObject> raise)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromMinutes(60);
    private Execution? _announced;

    public List<Execution> Executions { get; } = [];

    /// <summary>The latest of the job.</summary>
    public Execution? Find(string jobId) => Executions.FindLast(e => e.JobId == jobId && !e.IsDeleted);

    public void Queue(string jobId)
    {
        if (Find(jobId) is null)
            Executions.Add(new Execution(jobId, Seconds, 1));
        Announce();
    }

    /// <summary>Its job, by force, while it is under way.</summary>
    public string? DeleteCurrent()
    {
        if (Head is not { } head)
            return null;
        foreach (var execution in Executions.Where(e => e.JobId == head.JobId && !e.IsDeleted))
        {
            Raise(execution, "deleted");
            execution.IsDeleted = true;
            execution.Status = execution.IsOver ? execution.Status : "DELETED";
        }
        Announce();
        return head.JobId;
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
        var number = request["executionNumber"]!.GetValue<long>();
        if (Executions.FindLast(e => e.JobId == jobId && e.Number == number && !e.IsDeleted) is not { } execution)
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
        Raise(execution, status.ToLowerInvariant());
        // In the second of the end.
        if (status is "FAILED" or "TIMED_OUT" && execution.Number <= retries)
            Executions.Add(new Execution(execution.JobId, Seconds, execution.Number + 1));
        Announce();
    }

    /// <summary>Of a deleted execution the operation tells: its status is the one from before.</summary>
    private void Raise(Execution execution, string operation) => raise(new JsonObject
    {
        ["eventType"] = "JOB_EXECUTION", ["eventId"] = execution.IsOver && operation == "deleted" ? execution.EventId + "-deleted" : execution.EventId, ["timestamp"] = Seconds, ["operation"] = operation, ["jobId"] = execution.JobId,
        ["thingArn"] = $"arn:aws:iot:us-east-1:012345678901:thing/{thing}", ["status"] = execution.Status, ["statusDetails"] = execution.Details.DeepClone(),
    });

    private void Announce()
    {
        var head = Head;
        if (head == _announced)
            return;
        _announced = head;
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
        shown["executionNumber"] = e.Number;
        shown["jobDocument"] = new JsonObject { ["operation"] = "ROTATE_CERTIFICATE" };
        if (e is { Status: "IN_PROGRESS", TimesOut: { } end })
            shown["approximateSecondsBeforeTimedOut"] = (int)(end - time.Now).TotalSeconds;
        return shown;
    }

    private static JsonObject State(Execution e) => new() { ["status"] = e.Status, ["statusDetails"] = e.Details.DeepClone(), ["versionNumber"] = e.Version };
}
