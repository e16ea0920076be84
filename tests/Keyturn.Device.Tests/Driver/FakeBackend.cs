using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Device.Cloud;

namespace Keyturn.Device.Tests.Driver;

/// <summary>The Jobs service and the backend for one thing, on a channel that hands messages straight over. It keeps what it was sent.</summary>
internal sealed class FakeBackend : ICloudChannel, IDisposable
{
    public const string Thing = "pump1";
    private const string Jobs = "$aws/things/pump1/jobs/", Certificates = "awslabs/things/pump1/certificate/";

    private readonly CertificateAuthority _ca = new();
    private readonly Dictionary<string, string> _issued = [];
    private readonly Func<string, string> _sign;
    private bool _isMute;

    public FakeBackend(Func<string, string>? sign = null) => _sign = sign ?? (csr => _ca.Sign(csr));

    public event Action<CloudMessage>? Deliver;

    public List<(string Topic, JsonObject Payload)> Sent { get; } = [];

    public JsonObject? Job { get; set; }

    /// <summary>Which certificate the nucleus speaks with, by the disk's word: tells whether a commit comes over the new one.</summary>
    public Func<string>? Principal { get; set; }

    /// <summary>A message that is lost (nothing), answered otherwise, or treated as usual (the request itself).</summary>
    public Func<string, JsonObject, (string Suffix, JsonObject Answer)?>? Override { get; set; }

    public Func<string, JsonObject, bool> Loses { get; set; } = (_, _) => false;

    /// <summary>A message that is acted upon, and whose answer is lost.</summary>
    public Func<string, JsonObject, bool> LosesAnswer { get; set; } = (_, _) => false;

    public bool IsReference { get; init; }

    public string? Committed { get; private set; }

    /// <summary>A second key in one rotation may be a thief's.</summary>
    public bool RefusesSecondKey { get; init; }

    /// <summary>The certificate that the device last named as the one in use.</summary>
    public string? Attested { get; private set; }

    public bool OldIsRetired => Committed is not null && Job?["status"]!.GetValue<string>() == "SUCCEEDED";

    public bool IsOpen { get; set; } = true;

    public bool HasIssued(string pem) => _issued.Values.Any(p => p.Trim() == pem.Trim());

    public int Reopened { get; private set; }

    public IEnumerable<JsonObject> SentTo(string suffix) => Sent.Where(s => s.Topic.EndsWith(suffix, StringComparison.Ordinal)).Select(s => s.Payload);

    public void Queue(string jobId, long number = 1, string operation = "ROTATE_CERTIFICATE") => Job = new JsonObject
    {
        ["jobId"] = jobId, ["thingName"] = Thing, ["status"] = "QUEUED", ["queuedAt"] = 1795478400, ["lastUpdatedAt"] = 1795478400, ["versionNumber"] = 1,
        ["executionNumber"] = number, ["jobDocument"] = new JsonObject { ["operation"] = operation },
    };

    public void Reopen() => Reopened++;

    public void Notify() => Send(Jobs + "notify-next", new JsonObject { ["timestamp"] = 1795478401 });

    public void Send(string topic, JsonObject payload)
    {
        if (!_isMute)
            Deliver?.Invoke(new CloudMessage(topic, Encoding.UTF8.GetBytes(payload.ToJsonString())));
    }

    public Task<bool> SendAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        var message = JsonNode.Parse(payload.Span)!.AsObject();
        lock (Sent)
            Sent.Add((topic, message));
        if (Loses(topic, message))
            return Task.FromResult(true);
        _isMute = LosesAnswer(topic, message);
        if (Override?.Invoke(topic, message) is { } other)
            Send(topic + other.Suffix, Echo(message, other.Answer));
        else if (topic.StartsWith(Jobs, StringComparison.Ordinal))
            AnswerJobs(topic, message);
        else
            AnswerCertificates(topic, message);
        _isMute = false;
        return Task.FromResult(true);
    }

    public void Dispose() => _ca.Dispose();

    private void AnswerJobs(string topic, JsonObject message)
    {
        if (topic.EndsWith("/get", StringComparison.Ordinal))
        {
            var answer = new JsonObject { ["timestamp"] = 1795478402 };
            var isPending = Job?["status"]!.GetValue<string>() is "QUEUED" or "IN_PROGRESS";
            if (!isPending && !topic.Contains("$next", StringComparison.Ordinal))
            {
                Send(topic + "/rejected", Echo(message, new JsonObject { ["code"] = Job is null ? "ResourceNotFound" : "TerminalStateReached", ["message"] = "over" }));
                return;
            }
            if (isPending)
                answer["execution"] = Job!.DeepClone();
            Send(topic + "/accepted", Echo(message, answer));
            return;
        }
        if (Job?["status"]!.GetValue<string>() is not ("QUEUED" or "IN_PROGRESS"))
        {
            Send(topic + "/rejected", Echo(message, Job is null
                ? new JsonObject { ["code"] = "ResourceNotFound", ["message"] = "unknown" }
                : new JsonObject { ["code"] = "InvalidStateTransition", ["message"] = "over", ["executionState"] = State() }));
            return;
        }
        if (message["expectedVersion"]!.GetValue<int>() != Job["versionNumber"]!.GetValue<int>())
        {
            Send(topic + "/rejected", Echo(message, new JsonObject { ["code"] = "VersionMismatch", ["message"] = "other version", ["executionState"] = State() }));
            return;
        }
        Job["status"] = message["status"]!.GetValue<string>();
        Job["statusDetails"] = message["statusDetails"]!.DeepClone();
        Job["versionNumber"] = Job["versionNumber"]!.GetValue<int>() + 1;
        Send(topic + "/accepted", Echo(message, new JsonObject { ["executionState"] = State(), ["timestamp"] = 1795478403 }));
    }

    private void AnswerCertificates(string topic, JsonObject message)
    {
        var answer = new JsonObject();
        if (message.ContainsKey("attest"))
        {
            if (IsReference)
                Send(topic + "/rejected", new JsonObject { ["errorMsg"] = "Pre-conditions not met" });
            else
            {
                Attested = message["certificateId"]!.GetValue<string>();
                Send(topic + "/accepted", Echo(message, answer));
            }
            return;
        }
        if (topic == Certificates + "create")
        {
            var csr = message["csr"]!.GetValue<string>();
            if (RefusesSecondKey && _issued.Count > 0 && !_issued.ContainsKey(csr))
            {
                Send(topic + "/rejected", Echo(message, new JsonObject { ["errorMsg"] = "Two keys in one rotation.", ["code"] = "ROTATION_FROZEN" }));
                return;
            }
            if (!_issued.TryGetValue(csr, out var pem))
                _issued[csr] = pem = _sign(csr);
            answer["certificatePem"] = pem;
        }
        else
        {
            Committed = Principal?.Invoke();
        }
        if (!IsReference)
            answer["rotationId"] = "r-1";
        Send(topic + "/accepted", IsReference ? answer : Echo(message, answer));
    }

    private JsonObject State() => new()
    {
        ["status"] = Job!["status"]!.GetValue<string>(), ["statusDetails"] = Job["statusDetails"]?.DeepClone(), ["versionNumber"] = Job["versionNumber"]!.GetValue<int>(),
    };

    private static JsonObject Echo(JsonObject request, JsonObject answer)
    {
        if (request["clientToken"] is { } token)
            answer["clientToken"] ??= token.GetValue<string>();
        return answer;
    }
}
