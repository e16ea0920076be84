using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Whose session it is, as the last connection proved it.</summary>
internal sealed record SessionOwner(string Principal, X509Certificate2 Presented, IPAddress? Address);

/// <summary>
/// What outlives a connection: subscriptions, and QoS 1 messages that the client has not acknowledged. QoS 0 messages are
/// for connected clients only.
/// </summary>
internal sealed class DeviceSession(string clientId, SessionOwner owner, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Subscription> _subscriptions = new(StringComparer.Ordinal);
    private readonly Queue<(Publication Message, bool Retain)> _waiting = new();
    private readonly List<(ushort Identifier, Publication Message, bool Retain)> _sent = [];
    private DeviceConnection? _connection;
    private int _window = MqttLimits.Unacknowledged;
    private ushort _identifier;

    public string ClientId { get; } = clientId;

    public SessionOwner Owner { get; private set; } = owner;

    /// <summary>How long it lives on without a connection; zero: not at all.</summary>
    public TimeSpan Lifetime { get; set; }

    public DateTimeOffset? EndsAt { get; private set; }

    public DeviceConnection? Connection => _connection;

    public bool IsConnected => _connection is not null;

    public int SubscriptionCount
    {
        get
        {
            lock (_lock)
                return _subscriptions.Count;
        }
    }

    public IReadOnlyList<Subscription> Subscriptions
    {
        get
        {
            lock (_lock)
                return [.. _subscriptions.Values];
        }
    }

    /// <param name="window">How many unacknowledged messages the client takes.</param>
    public void Attach(DeviceConnection connection, SessionOwner owner, int window)
    {
        lock (_lock)
        {
            (_connection, Owner, EndsAt) = (connection, owner, null);
            _window = Math.Min(window, MqttLimits.Unacknowledged);
        }
    }

    /// <summary>After CONNACK: what was sent before and not acknowledged, then what waited.</summary>
    public void Resume()
    {
        lock (_lock)
        {
            foreach (var (identifier, message, retain) in _sent)
                _connection?.Send(message.ToPacket(identifier, retain, again: true, time.GetUtcNow()));
            SendWaiting();
        }
    }

    public void Detach(DeviceConnection connection)
    {
        lock (_lock)
        {
            if (_connection != connection)
                return;
            _connection = null;
            EndsAt = time.GetUtcNow() + Lifetime;
        }
    }

    /// <returns>Whether the filter is new to this session.</returns>
    public bool Add(Subscription subscription)
    {
        lock (_lock)
        {
            var isNew = !_subscriptions.ContainsKey(subscription.Filter);
            _subscriptions[subscription.Filter] = subscription;
            return isNew;
        }
    }

    public Subscription? Remove(string filter)
    {
        lock (_lock)
            return _subscriptions.Remove(filter, out var subscription) ? subscription : null;
    }

    public bool IsSubscribed(string filter)
    {
        lock (_lock)
            return _subscriptions.ContainsKey(filter);
    }

    public void Deliver(Publication message, int qualityOfService, bool retain = false)
    {
        lock (_lock)
        {
            if (qualityOfService == 0)
            {
                _connection?.Send(message.ToPacket(0, retain, again: false, time.GetUtcNow()));
            }
            else if ((_connection is not null || Lifetime > TimeSpan.Zero) && _waiting.Count < MqttLimits.HeldMessages)
            {
                _waiting.Enqueue((message, retain));
                SendWaiting();
            }
        }
    }

    public void Acknowledge(ushort identifier)
    {
        lock (_lock)
        {
            _sent.RemoveAll(s => s.Identifier == identifier);
            SendWaiting();
        }
    }

    private void SendWaiting()
    {
        while (_connection is not null && _sent.Count < _window && _waiting.TryDequeue(out var next))
        {
            var now = time.GetUtcNow();
            if (next.Message.ExpiresAt <= now)
                continue;
            var identifier = FreeIdentifier();
            _sent.Add((identifier, next.Message, next.Retain));
            _connection.Send(next.Message.ToPacket(identifier, next.Retain, again: false, now));
        }
    }

    private ushort FreeIdentifier()
    {
        do
        {
            _identifier = _identifier == ushort.MaxValue ? (ushort)1 : (ushort)(_identifier + 1);
        }
        while (_sent.Any(s => s.Identifier == _identifier));
        return _identifier;
    }
}
