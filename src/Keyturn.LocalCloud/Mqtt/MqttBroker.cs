using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Quotas;
using Keyturn.LocalCloud.Registry;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>AWS IoT's message broker: MQTT 3.1.1 and 5 over mutual TLS, every act checked against the certificate's policies.</summary>
internal sealed class MqttBroker : IMessageBus, IAsyncDisposable
{
    private readonly MqttBrokerOptions _options;
    private readonly IDeviceDirectory _directory;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly SubscriptionTree _subscriptions = new();
    private readonly SessionTable _sessions;
    private readonly DeviceAuthentication _authentication;
    private readonly DeviceAccess _access;
    private readonly ConnectGate _gate;
    private readonly MqttRouter _router;
    private readonly PresenceEvents _events;
    private readonly MqttListener _listener;
    private readonly MqttOperations _operations;
    private long _connections;

    public MqttBroker(MqttBrokerOptions options, IDeviceDirectory directory, TimeProvider time, ILogger<MqttBroker> logger)
    {
        (_options, _directory, _time, _logger) = (options, directory, time, logger);
        _authentication = new DeviceAuthentication(directory, options.Faults, time);
        _sessions = new SessionTable(_subscriptions, time);
        _access = new DeviceAccess(directory, options.Account, time);
        _gate = new ConnectGate(_authentication, _access, options.ConnectsPerSecond is { } connects ? new RateLimit(connects, time) : null,
            options.ConnectsPerSecondOfClient is { } perClient ? new RateLimits(perClient, time) : null);
        _router = new MqttRouter(_subscriptions, _access, options.Faults, time, logger);
        _events = new PresenceEvents(_router.Route, time);
        _listener = new MqttListener(options, _authentication, ServeAsync, time, logger);
        _operations = new MqttOperations(_router, _sessions, directory, options.Account, time);
        directory.CertificateRetired += Retired;
    }

    /// <summary>Known once started.</summary>
    public int Port => _listener.Port;

    /// <summary>iot-data: Publish, retained messages, DeleteConnection.</summary>
    public IEnumerable<ApiOperation> Operations => _operations.All;

    public IReadOnlyCollection<string> ConnectedClients => [.. _sessions.All.Where(s => s.IsConnected).Select(s => s.ClientId)];

    public Task StartAsync(CancellationToken cancellation = default) => _listener.StartAsync();

    public ValueTask PublishAsync(BusMessage message, CancellationToken cancellation = default)
    {
        _router.Route(new Publication(
            message.Topic, message.Payload, message.QualityOfService, Retain: false, message.ClientId, message.Principal));
        return ValueTask.CompletedTask;
    }

    public ValueTask ReplyAsync(string clientId, string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation = default)
    {
        // At the quality of service of a subscription if there is one, else at none.
        _router.Disturb(topic, () =>
        {
            if (_sessions.Find(clientId) is { } session)
            {
                var asked = _subscriptions.Match(topic).FirstOrDefault(s => s.Session == session)?.QualityOfService ?? 0;
                session.Deliver(new Publication(topic, payload, asked, false, null, null), asked);
            }
        });
        return ValueTask.CompletedTask;
    }

    public IDisposable Watch(Action<BusMessage> watcher) => _router.Watch(watcher);

    /// <summary>A connection that came in on another port by ALPN: whom the listener here would refuse, this refuses.</summary>
    public async Task ServeByAlpnAsync(Stream stream, X509Certificate2 presented, EndPoint? remote, CancellationToken cancellation)
    {
        if (_authentication.Find(presented, isNew: true) is null)
            _logger.HandshakeFailed(remote, "the certificate is not registered, not ACTIVE or not valid now");
        else
            await ServeAsync(stream, presented, remote, cancellation);
    }

    /// <summary>A client on a stream whose handshake is over.</summary>
    private async Task ServeAsync(Stream stream, X509Certificate2 presented, EndPoint? remote, CancellationToken cancellation)
    {
        var principal = Convert.ToHexStringLower(SHA256.HashData(presented.RawDataMemory.Span));
        var owner = new SessionOwner(principal, presented, (remote as IPEndPoint)?.Address);
        using var connection = new DeviceConnection(stream, owner, remote, _options.Faults, _time);
        connection.OnEnd((_, detail) => _logger.NotMqtt(remote, detail));
        await connection.RunAsync(packet => Connect(connection, packet), cancellation);
    }

    public async ValueTask DisposeAsync()
    {
        _directory.CertificateRetired -= Retired;
        await _listener.DisposeAsync();
    }

    private Action<MqttPacket>? Connect(DeviceConnection connection, MqttConnectPacket packet)
    {
        var (admitted, code, reason) = _gate.Check(packet, connection.IsVersion5, connection.Owner);
        if (admitted is null)
        {
            _logger.ConnectionRefused(packet.ClientId ?? "", connection.Remote, reason);
            connection.Refuse(ConnectAnswers.Refused(code, connection.IsVersion5));
            return null;
        }

        var presence = new Presence(
            admitted.ClientId, connection.Owner.Principal, Guid.NewGuid().ToString("N"), Interlocked.Increment(ref _connections));
        connection.OnEnd((why, detail) => Ended(connection, packet, presence, why, detail));
        connection.Admit(TimeSpan.FromSeconds(admitted.KeepAlive * 1.5));
        var (session, isPresent) = _sessions.Open(connection, admitted.ClientId, connection.Owner, admitted.Terms);
        var device = new ConnectedDevice(
            connection, session, presence, _access, _router, _events,
            new RateLimit(_options.PublishesPerSecond, _time), _time);
        connection.Send(ConnectAnswers.Accepted(admitted, isPresent, packet));
        _logger.ClientConnected(admitted.ClientId, presence.Principal);
        _events.Connected(presence, connection.Owner.Address);
        session.Resume();
        // Ended, or retired, while it was being taken in: nobody else would notice.
        if (connection.HasEnded)
            _sessions.Close(admitted.ClientId, connection);
        else if (_directory.FindCertificate(presence.Principal) is not { IsActive: true })
            connection.End(DisconnectReason.NotAuthorized, "the certificate is not ACTIVE any more");
        return device.Handle;
    }

    private void Ended(DeviceConnection connection, MqttConnectPacket opening, Presence presence, DisconnectReason reason, string detail)
    {
        _sessions.Close(presence.ClientId, connection);
        _logger.ClientDisconnected(presence.ClientId, reason.Name, detail);
        if (opening.WillFlag && reason.PublishesWill && _access.MayPublish(connection.Owner, presence.ClientId, opening.WillTopic, opening.WillRetain))
            _router.Route(Publication.OfWill(opening, presence.Principal, _time.GetUtcNow()));
        _events.Disconnected(presence, reason);
    }

    // Not on the registry's thread: it may hold a lock that a message under way waits for.
    private void Retired(string certificateId) =>
        ThreadPool.UnsafeQueueUserWorkItem(EndSessionsOf, certificateId, preferLocal: false);

    private void EndSessionsOf(string certificateId)
    {
        foreach (var session in _sessions.All.Where(s => s.Owner.Principal == certificateId))
            session.Connection?.End(DisconnectReason.NotAuthorized, "the certificate is not ACTIVE any more");
    }
}
