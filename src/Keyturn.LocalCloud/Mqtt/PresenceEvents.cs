using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Lifecycle events: who came, who went, who listens to what.</summary>
internal sealed class PresenceEvents(Action<Publication> publish, TimeProvider time)
{
    public void Connected(Presence who, IPAddress? address) =>
        Publish("presence/connected", who, Event(who, "connected")
            .With("ipAddress", address?.ToString()).With("versionNumber", who.Version));

    public void Disconnected(Presence who, DisconnectReason reason) =>
        Publish("presence/disconnected", who, Event(who, "disconnected")
            .With("clientInitiatedDisconnect", reason.IsByClient)
            .With("disconnectReason", reason.Name).With("versionNumber", who.Version));

    public void Subscribed(Presence who, IEnumerable<string> filters) => Topics("subscribed", who, filters);

    public void Unsubscribed(Presence who, IEnumerable<string> filters) => Topics("unsubscribed", who, filters);

    private void Topics(string what, Presence who, IEnumerable<string> filters) =>
        Publish($"subscriptions/{what}", who, Event(who, what)
            .With("topics", new JsonArray([.. filters.Select(f => (JsonNode)f)])));

    private JsonEvent Event(Presence who, string type) => new JsonEvent()
        .With("clientId", who.ClientId)
        .With("timestamp", time.GetUtcNow().ToUnixTimeMilliseconds())
        .With("eventType", type)
        .With("sessionIdentifier", who.Session)
        .With("principalIdentifier", who.Principal);

    private void Publish(string kind, Presence who, JsonEvent content)
    {
        // Such a client id would be a wildcard in the event's topic.
        if (!who.ClientId.AsSpan().ContainsAny('+', '#'))
            publish(new Publication($"$aws/events/{kind}/{who.ClientId}", content.ToBytes(), 1, false, null, null));
    }

    private sealed class JsonEvent
    {
        private readonly JsonObject _members = [];

        public JsonEvent With(string name, JsonNode? value)
        {
            if (value is not null)
                _members[name] = value;
            return this;
        }

        public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(_members);
    }
}

/// <param name="Session">Of this connection: 32 hex digits.</param>
/// <param name="Version">Counts the connections of the client id.</param>
internal sealed record Presence(string ClientId, string Principal, string Session, long Version);
