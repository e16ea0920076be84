using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Keyturn.Contracts;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Cloud;

/// <summary>What attests are filled with.</summary>
internal sealed record AttestFacts(string CertificateId, string Component, string KeyStore, long NotAfter);

/// <summary>
/// Turns requests into messages, and messages into events, if they answer a request that is outstanding now. Answers to other components' requests come
/// to us too, and a message on a certificate topic may be anybody's on this device: the token decides. Only the reference backend sends none, on the
/// certificate topics, and such an answer counts only while a request of its kind is outstanding.
/// </summary>
internal sealed class Conversations(string thing)
{
    /// <summary>Of what others say: the journal and the log keep it, and job updates carry less.</summary>
    private const int LongestText = 500, LongestName = 128;

    private readonly Dictionary<Type, Conversation> _open = [];
    private readonly Dictionary<string, CloudRequest.UpdateJob> _told = new(StringComparer.Ordinal);

    public IReadOnlyCollection<Conversation> Open => _open.Values;

    /// <summary>The cloud's time when it last spoke, in epoch seconds, if it did.</summary>
    public long? CloudTime { get; private set; }

    public Conversation Begin(CloudRequest request)
    {
        var conversation = new Conversation(request);
        _open[request.GetType()] = conversation;
        return conversation;
    }

    /// <summary>The same conversation if the last request of this kind is still the one, so that its backoff goes on.</summary>
    public Conversation Continue(Conversation? former, CloudRequest request)
    {
        if (former is null || former.Request.GetType() != request.GetType())
            return Begin(request);
        var conversation = former.Request == request ? former : former.ContinueWith(request);
        _open[request.GetType()] = conversation;
        return conversation;
    }

    public void EndAll() => _open.Clear();

    /// <summary>An update that is said once, and whose answer may come when the machine has moved on.</summary>
    public void Told(CloudRequest.UpdateJob update, string token) => _told[token] = update;

    public void ForgetTold() => _told.Clear();

    /// <param name="facts">Asked for when the request is an attest.</param>
    /// <param name="csr">Asked for when the request is a create.</param>
    public (string Topic, byte[] Payload) Compose(CloudRequest request, string token, Func<AttestFacts> facts, Func<string, string> csr) => request switch
    {
        CloudRequest.NextJob => (Topics.NextJobGet(thing), Json(new JobGetRequest(token), JobsJson.Default.JobGetRequest)),
        CloudRequest.DescribeJob r => (Topics.JobGet(thing, r.JobId), Json(new JobGetRequest(token), JobsJson.Default.JobGetRequest)),
        CloudRequest.UpdateJob r => (Topics.JobUpdate(thing, r.JobId), Json(
            new JobUpdateRequest(StatusDetails.NameOf(r.Status), r.Details, r.ExpectedVersion, r.ExecutionNumber, token), JobsJson.Default.JobUpdateRequest)),
        CloudRequest.Create r => (Topics.Create(thing), Json(
            new CreateRequest(r.JobId, csr(r.Credential), r.RotationId, token, r.ExecutionNumber), ContractsJson.Default.CreateRequest)),
        CloudRequest.Commit r => (Topics.Commit(thing), Json(new CommitRequest(r.JobId, r.RotationId, token), ContractsJson.Default.CommitRequest)),
        CloudRequest.Attest r => (Topics.Create(thing), Json(Attest(facts(), token, r.Nonce), ContractsJson.Default.AttestRequest)),
        _ => throw new ArgumentOutOfRangeException(nameof(request), request, null),
    };

    /// <summary>The event that a message is, or nothing: it is not for us, or it can't be understood.</summary>
    public RotationEvent? Receive(CloudMessage message, out Conversation? answered)
    {
        answered = null;
        if (message.Payload.Length > WireLimits.PayloadBytes)
            return null;
        if (message.Topic == Topics.NotifyNext(thing))
            return new RotationEvent.QueueChanged();
        try
        {
            if (message.Topic == Topics.Accepted(Topics.Create(thing)))
                return CreateAccepted(message.Payload.Span, out answered);
            if (message.Topic == Topics.Accepted(Topics.Commit(thing)))
                return CommitAccepted(message.Payload.Span, out answered);
            if (message.Topic == Topics.Rejected(Topics.Create(thing)) || message.Topic == Topics.Rejected(Topics.Commit(thing)))
                return Rejected(message, out answered);
            return JobAnswered(message, out answered);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private RotationEvent? JobAnswered(CloudMessage message, out Conversation? answered)
    {
        var accepted = message.Topic.EndsWith("/accepted", StringComparison.Ordinal);
        var answer = Read(message.Payload.Span, JobsJson.Default.JobAnswer);
        if (answer.ClientToken is { } told && _told.TryGetValue(told, out var update) && message.Topic == JobTopic(update, accepted))
        {
            answered = null;
            _told.Remove(told);
            CloudTime = answer.Timestamp ?? CloudTime;
            return Noted(update, accepted, answer);
        }
        answered = _open.Values.FirstOrDefault(c => answer.ClientToken is { } token && c.Knows(token) && message.Topic == JobTopic(c.Request, accepted));
        if (answered is null)
            return null;
        CloudTime = answer.Timestamp ?? CloudTime;
        return (answered.Request, accepted) switch
        {
            (CloudRequest.NextJob, true) => new RotationEvent.NextJobSeen(answer.ToExecution()),
            (CloudRequest.DescribeJob, true) when answer.ToExecution() is { } job => new RotationEvent.JobSeen(job),
            // The service does not describe an execution to its thing once it is over.
            (CloudRequest.DescribeJob, false) when answer.Code is JobRefusalCode.ResourceNotFound or JobRefusalCode.TerminalStateReached => new RotationEvent.JobSeen(null),
            (CloudRequest.UpdateJob r, true) => new RotationEvent.UpdateAccepted(answer.ExecutionState?.VersionNumber ?? r.ExpectedVersion + 1),
            (CloudRequest.UpdateJob, false) when answer.Code is { } code => new RotationEvent.UpdateRefused(code, answer.ToState()),
            // Refused for a passing reason: said again when it is due.
            _ => null,
        };
    }

    private static RotationEvent.StepNoted? Noted(CloudRequest.UpdateJob update, bool accepted, JobAnswer answer) => (accepted, answer.ToState()) switch
    {
        (true, var state) => new(state?.Version ?? update.ExpectedVersion + 1, IsShown: true),
        (false, { Status: JobStatus.InProgress, IsMarked: true } state) when answer.Code == JobRefusalCode.VersionMismatch => new(state.Version, IsShown: false),
        _ => null,
    };

    private string? JobTopic(CloudRequest request, bool accepted)
    {
        var topic = request switch
        {
            CloudRequest.NextJob => Topics.NextJobGet(thing),
            CloudRequest.DescribeJob r => Topics.JobGet(thing, r.JobId),
            CloudRequest.UpdateJob r => Topics.JobUpdate(thing, r.JobId),
            _ => null,
        };
        return topic is null ? null : accepted ? Topics.Accepted(topic) : Topics.Rejected(topic);
    }

    private RotationEvent? CreateAccepted(ReadOnlySpan<byte> payload, out Conversation? answered)
    {
        answered = null;
        using var document = JsonDocument.Parse(payload.ToArray());
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            return null;
        if (!document.RootElement.TryGetProperty("certificatePem", out _))
        {
            var attested = Read(payload, ContractsJson.Default.AttestAccepted);
            answered = Outstanding<CloudRequest.Attest>(attested.ClientToken);
            return answered is null || attested.ClientToken is null ? null : new RotationEvent.AttestAccepted(attested.Nonce);
        }
        var created = Read(payload, ContractsJson.Default.CreateAccepted);
        // Nothing that our backend would call a rotation; half of it would be no name of one.
        if (created.RotationId?.Length > LongestName)
            return null;
        answered = Outstanding<CloudRequest.Create>(created.ClientToken);
        return answered is null ? null : new RotationEvent.Certified(created.CertificatePem, created.RotationId, created.ClientToken is not null);
    }

    private RotationEvent.CommitAccepted? CommitAccepted(ReadOnlySpan<byte> payload, out Conversation? answered)
    {
        var committed = Read(payload, ContractsJson.Default.CommitAccepted);
        answered = Outstanding<CloudRequest.Commit>(committed.ClientToken);
        return answered is null ? null : new RotationEvent.CommitAccepted();
    }

    private RotationEvent? Rejected(CloudMessage message, out Conversation? answered)
    {
        var rejected = Read(message.Payload.Span, ContractsJson.Default.Rejected);
        var refusal = new Refusal(Short(rejected.ErrorMsg), rejected.Code is { } code ? Short(code) : null, rejected.Retryable, rejected.ClientToken is not null);
        if (message.Topic == Topics.Rejected(Topics.Commit(thing)))
        {
            answered = Outstanding<CloudRequest.Commit>(rejected.ClientToken);
            // One answer for each one sent: none of them can have been carried out unheard.
            return answered is null ? null : new RotationEvent.CommitRefused(refusal, IsRepeated: answered.Sent - answered.Answered > 1);
        }
        answered = Outstanding<CloudRequest.Create>(rejected.ClientToken);
        if (answered is not null)
            return new RotationEvent.CreateRefused(refusal);
        answered = Outstanding<CloudRequest.Attest>(rejected.ClientToken);
        return answered is null ? null : new RotationEvent.AttestRefused(refusal);
    }

    private Conversation? Outstanding<TRequest>(string? token) where TRequest : CloudRequest =>
        _open.TryGetValue(typeof(TRequest), out var c) && c.Sent > 0 && (token is null || c.Knows(token)) ? c : null;

    private static AttestRequest Attest(AttestFacts facts, string token, string? nonce) =>
        new(true, facts.CertificateId, token, facts.Component, facts.KeyStore, facts.NotAfter, nonce);

    public static string Short(string text) => text.Length > LongestText ? text[..LongestText] : text;

    private static byte[] Json<T>(T message, JsonTypeInfo<T> type) => JsonSerializer.SerializeToUtf8Bytes(message, type);

    private static T Read<T>(ReadOnlySpan<byte> payload, JsonTypeInfo<T> type) =>
        JsonSerializer.Deserialize(payload, type) ?? throw new JsonException("null is no message");
}
