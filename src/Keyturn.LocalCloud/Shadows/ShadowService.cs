using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Registry;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>
/// Device shadows, classic and named, over MQTT and HTTP. Answers are ordinary messages: everybody who subscribed, and every
/// rule, sees them. A shadow needs no thing in the registry.
/// </summary>
internal sealed partial class ShadowService : IAsyncDisposable
{
    private readonly IMessageBus _bus;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CallAdmission _admission;
    private readonly Lock _lock = new();
    private readonly SortedDictionary<(string Thing, string Name), Shadow> _shadows = [];
    private readonly Channel<BusMessage> _inbox = Channel.CreateUnbounded<BusMessage>();
    private readonly IDisposable _watching;
    private readonly Task _reading;

    public ShadowService(IDeviceDirectory directory, IMessageBus bus, CloudAccount account, TimeProvider time, ILogger<ShadowService> logger, CallAdmission? admission = null)
    {
        (_bus, _time, _logger, _admission) = (bus, time, logger, admission ?? ((_, _) => CallVerdict.Admitted));
        Operations = [.. new ShadowOperations(this, directory, account, time).All];
        _watching = bus.Watch(Watch);
        _reading = ReadAsync();
    }

    /// <summary>Of iot-data.</summary>
    public IReadOnlyList<ApiOperation> Operations { get; }

    public async ValueTask DisposeAsync()
    {
        _watching.Dispose();
        _inbox.Writer.TryComplete();
        await _reading;
    }

    public JsonObject Read(string thing, string? name)
    {
        lock (_lock)
            return Find(thing, name).Read(Now());
    }

    /// <returns>What goes to update/accepted.</returns>
    public JsonObject Update(string thing, string? name, ShadowUpdate update)
    {
        lock (_lock)
        {
            if (!_shadows.TryGetValue((thing, name ?? ""), out var shadow))
                _shadows[(thing, name ?? "")] = shadow = new Shadow(thing, name);
            var now = Now();
            var change = shadow.Update(update, now);
            var accepted = new JsonObject
            {
                ["state"] = update.State.DeepClone(), ["metadata"] = change.AcceptedMetadata, ["version"] = shadow.Version, ["timestamp"] = now,
            };
            Publish(shadow, "update/accepted", accepted, update.ClientToken);
            if (change.Delta is { } delta)
            {
                Publish(shadow, "update/delta", new JsonObject
                {
                    ["version"] = shadow.Version, ["timestamp"] = now, ["state"] = delta.State, ["metadata"] = delta.Metadata,
                }, update.ClientToken);
            }

            Publish(shadow, "update/documents", new JsonObject
            {
                ["previous"] = change.Previous, ["current"] = change.Current, ["timestamp"] = now,
            }, update.ClientToken);
            return accepted;
        }
    }

    /// <returns>What goes to delete/accepted.</returns>
    public JsonObject Delete(string thing, string? name, string? clientToken)
    {
        lock (_lock)
        {
            var shadow = Find(thing, name);
            var accepted = new JsonObject { ["version"] = shadow.Delete(), ["timestamp"] = Now() };
            Publish(shadow, "delete/accepted", accepted, clientToken);
            return accepted;
        }
    }

    public IReadOnlyList<string> NamesOf(string thing)
    {
        lock (_lock)
            return [.. _shadows.Values.Where(s => s.Thing == thing && s.Name is not null && s.Exists).Select(s => s.Name!)];
    }

    private Shadow Find(string thing, string? name) =>
        _shadows.GetValueOrDefault((thing, name ?? "")) ?? throw ShadowException.NotFound(thing, name);

    private void Watch(BusMessage message)
    {
        if (Topic().IsMatch(message.Topic))
            _inbox.Writer.TryWrite(message);
    }

    private async Task ReadAsync()
    {
        await foreach (var message in _inbox.Reader.ReadAllAsync())
        {
            try
            {
                Handle(message);
            }
            catch (Exception e)
            {
                // A transport loop: the next request is served whatever became of this one.
                _logger.ShadowMessageFailed(e, message.Topic);
            }
        }
    }

    private void Handle(BusMessage message)
    {
        var match = Topic().Match(message.Topic);
        var thing = match.Groups["thing"].Value;
        var name = match.Groups["name"] is { Success: true } group ? group.Value : null;
        string? clientToken = null;
        try
        {
            if (!ThingName().IsMatch(thing) || (name is not null && !ShadowName().IsMatch(name)))
                throw ShadowException.BadRequest("Invalid thing name or shadow name");
            var operation = match.Groups["operation"].Value;
            Admit(operation, thing);
            // The content of a delete is not looked at, but for its token.
            var json = operation == "delete" && !IsJson(message.Payload) ? [] : ShadowRequest.Parse(message.Payload);
            clientToken = ShadowRequest.Token(json);
            if (operation == "get")
                Publish(message.Topic + "/accepted", Read(thing, name), clientToken);
            else if (operation == "update")
                Update(thing, name, ShadowRequest.Update(json));
            else
                Delete(thing, name, clientToken);
        }
        catch (ShadowException e)
        {
            Publish(message.Topic + "/rejected", new JsonObject
            {
                ["code"] = e.Code, ["message"] = e.Message, ["timestamp"] = Now(),
            }, clientToken);
        }
    }

    private void Admit(string operation, string thing)
    {
        var verdict = _admission(operation switch
        {
            "get" => "iot-data:GetThingShadow",
            "update" => "iot-data:UpdateThingShadow",
            _ => "iot-data:DeleteThingShadow",
        }, thing);
        if (verdict != CallVerdict.Admitted)
            throw verdict == CallVerdict.Throttled ? ShadowException.TooMany() : ShadowException.Failed();
    }

    private static bool IsJson(ReadOnlyMemory<byte> payload)
    {
        try
        {
            ShadowRequest.Parse(payload);
            return true;
        }
        catch (ShadowException)
        {
            return false;
        }
    }

    private void Publish(Shadow shadow, string kind, JsonObject json, string? clientToken) =>
        Publish($"{shadow.TopicPrefix}/{kind}", json, clientToken);

    private void Publish(string topic, JsonObject json, string? clientToken)
    {
        if (clientToken is not null)
            json["clientToken"] = clientToken;
        // The broker takes a message at once; there is nothing to wait for.
        _ = _bus.PublishAsync(new BusMessage(topic, JsonSerializer.SerializeToUtf8Bytes(json))).AsTask();
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeSeconds();

    [GeneratedRegex(@"\A\$aws/things/(?<thing>[^/]+)/shadow/(name/(?<name>[^/]+)/)?(?<operation>get|update|delete)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Topic();

    [GeneratedRegex(@"\A[a-zA-Z0-9:_-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ThingName();

    [GeneratedRegex(@"\A[$a-zA-Z0-9:_-]{1,64}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ShadowName();
}
