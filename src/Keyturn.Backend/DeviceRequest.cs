using System.Text.Json;
using Keyturn.Contracts;

namespace Keyturn.Backend;

/// <summary>
/// A message of a device as the rule hands it over: the payload's fields beside what AWS IoT itself knows of the sender.
/// The rule names its columns, so the payload can't stand in for the latter.
/// </summary>
/// <param name="Topic">Where it was published; the answer goes to one of its two children.</param>
/// <param name="ClientId">The MQTT client id.</param>
/// <param name="Principal">The certificate id of the connection, or something else that is no certificate.</param>
/// <param name="ClientToken">Chosen by the device for each attempt and given back with the answer; the reference's device sends none.</param>
/// <param name="ReceivedAt">When AWS IoT had the message, in epoch milliseconds: Lambda repeats an event for minutes. Null where the rule does not say it.</param>
public sealed record Sender(string Thing, string Topic, string ClientId, string Principal, string? ClientToken, long? ReceivedAt = null);

/// <typeparam name="T">The payload.</typeparam>
/// <param name="Payload">Null when it was not what this topic takes: <see cref="Fault"/> says why.</param>
public sealed record DeviceRequest<T>(Sender Sender, T? Payload, string? Fault)
    where T : class;

/// <summary>Reads the events that the topic rules send.</summary>
public static class DeviceRequest
{
    /// <summary>Longest token echoed; a longer one is a malformed request.</summary>
    public const int TokenCharacters = 64;

    /// <exception cref="FormatException">The event does not come from the rule of <paramref name="topicOf"/>.</exception>
    public static DeviceRequest<CreateRequest> ParseCreate(ReadOnlyMemory<byte> json) =>
        Parse(json, Topics.Create, ReadCreate);

    /// <inheritdoc cref="ParseCreate"/>
    public static DeviceRequest<CommitRequest> ParseCommit(ReadOnlyMemory<byte> json) =>
        Parse(json, Topics.Commit, ReadCommit);

    /// <summary>Null when the message is not an attest, which shares its topic with create.</summary>
    /// <inheritdoc cref="ParseCreate"/>
    public static DeviceRequest<AttestRequest>? ParseAttest(ReadOnlyMemory<byte> json)
    {
        using var document = Open(json);
        return new Fields(document.RootElement).Has("attest") ? Parse(json, Topics.Create, ReadAttest) : null;
    }

    private static DeviceRequest<T> Parse<T>(ReadOnlyMemory<byte> json, Func<string, string> topicOf, Func<Fields, T> read)
        where T : class
    {
        using var document = Open(json);
        var fields = new Fields(document.RootElement);
        var thing = Column(fields, "thingName");
        var topic = Column(fields, "topic");
        if (!Identity.IsThingName(thing) || topic != topicOf(thing))
        {
            throw new FormatException("The event's thingName and topic do not belong together: does the rule name its columns?");
        }

        var sender = new Sender(thing, topic, Column(fields, "clientId"), Column(fields, "principal"), null, fields.Has("receivedAt") ? fields.Number("receivedAt") : null);
        try
        {
            // The token first: with it, even a refusal of the rest finds the one who asked.
            sender = sender with { ClientToken = fields.Token("clientToken") };
            return new DeviceRequest<T>(sender, read(fields), null);
        }
        catch (FormatException malformed)
        {
            return new DeviceRequest<T>(sender, null, malformed.Message);
        }
    }

    private static CreateRequest ReadCreate(Fields fields) =>
        new(fields.JobId(), fields.Text("csr", WireLimits.CsrCharacters) ?? throw new FormatException("csr is missing"),
            fields.Token("rotationId"), fields.Token("clientToken"), fields.Has("executionNumber") ? fields.Number("executionNumber") : null);

    private static CommitRequest ReadCommit(Fields fields) =>
        new(fields.JobId(), fields.Token("rotationId"), fields.Token("clientToken"), fields.Flag("verify"));

    private static AttestRequest ReadAttest(Fields fields)
    {
        if (fields.Flag("attest") != true || fields.Has("jobId") || fields.Has("csr"))
        {
            throw new FormatException("attest is true and comes without jobId and csr, or it is absent");
        }

        return new AttestRequest(
            true, Required("certificateId"), Required("clientToken"), Required("component"), Required("keyStore"), fields.Number("notAfter"),
            fields.Token("nonce"));

        string Required(string name) => fields.Token(name) ?? throw new FormatException($"{name} is missing");
    }

    private static JsonDocument Open(ReadOnlyMemory<byte> json)
    {
        try
        {
            // However deep: what a device nests in a field is a malformed request, and no event that the function failed at.
            return JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = WireLimits.PayloadBytes, AllowDuplicateProperties = false });
        }
        catch (JsonException exception)
        {
            throw new FormatException("The event is not JSON.", exception);
        }
    }

    private static string Column(Fields fields, string name) =>
        fields.Text(name, 256) ?? throw new FormatException($"The event lacks {name}: does the rule name its columns?");

    /// <summary>Absent and null mean the same; any other type than asked for is a fault.</summary>
    private readonly struct Fields
    {
        private readonly JsonElement _root;

        public Fields(JsonElement root) =>
            _root = root.ValueKind == JsonValueKind.Object ? root : throw new FormatException("The event is not a JSON object.");

        public string JobId() =>
            Text("jobId", 64) is { } jobId
                ? Identity.IsJobId(jobId) ? jobId : throw new FormatException("jobId is not a job id")
                : throw new FormatException("jobId is missing");

        public string? Token(string name) =>
            Text(name, TokenCharacters) is { } token
                ? token.Length > 0 && !token.AsSpan().ContainsAnyExceptInRange('!', '~') ? token : throw new FormatException($"{name} is not printable")
                : null;

        public string? Text(string name, int limit)
        {
            if (!_root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            {
                return null;
            }

            if (value.ValueKind != JsonValueKind.String)
            {
                throw new FormatException($"{name} is not a string");
            }

            try
            {
                var text = value.GetString()!;
                return text.Length <= limit ? text : throw new FormatException($"{name} is longer than {limit} characters");
            }
            catch (InvalidOperationException exception)
            {
                throw new FormatException($"{name} is not Unicode", exception);
            }
        }

        public bool Has(string name) => _root.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

        public long Number(string name) =>
            _root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)
                ? number
                : throw new FormatException($"{name} is not a whole number");

        public bool? Flag(string name)
        {
            if (!_root.TryGetProperty(name, out var value) || value.ValueKind == JsonValueKind.Null)
            {
                return null;
            }

            return value.ValueKind is JsonValueKind.True or JsonValueKind.False
                ? value.GetBoolean()
                : throw new FormatException($"{name} is neither true nor false");
        }
    }
}
