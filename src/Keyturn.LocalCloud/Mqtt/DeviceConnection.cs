using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Channels;
using MQTTnet.Exceptions;
using MQTTnet.Packets;
using MQTTnet.Protocol;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>One client, from CONNECT to the last byte: a loop that reads, a loop that writes, and one end.</summary>
internal sealed class DeviceConnection : IDisposable
{
    /// <summary>As faults name it.</summary>
    public const string Plane = "mqtt";

    /// <summary>A client that does not read its last packets must not hold the connection.</summary>
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly Stream _stream;
    private readonly PacketStream _packets;
    private readonly Channel<MqttPacket> _outgoing = Channel.CreateUnbounded<MqttPacket>(new() { SingleWriter = false });
    private readonly CancellationTokenSource _closed = new();
    private readonly ITimer _deadline;
    private readonly IBrokerFaults? _faults;
    private readonly string?[] _aliases = new string?[MqttLimits.TopicAliases + 1];
    private Action<DisconnectReason, string>? _onEnd;
    private TimeSpan _patience = MqttLimits.Opening;
    private bool _isAdmitted;
    private int _ended;

    public DeviceConnection(Stream stream, SessionOwner owner, EndPoint? remote, IBrokerFaults? faults, TimeProvider time)
    {
        _stream = stream;
        _packets = new PacketStream(stream);
        (Owner, Remote, _faults) = (owner, remote, faults);
        _deadline = time.CreateTimer(_ => OnDeadline(), null, _patience, Timeout.InfiniteTimeSpan);
    }

    public SessionOwner Owner { get; }

    public EndPoint? Remote { get; }

    public bool IsVersion5 => _packets.IsVersion5;

    public bool HasEnded => Volatile.Read(ref _ended) != 0;

    /// <summary>Called once, on whatever ends the connection first, before the socket closes.</summary>
    public void OnEnd(Action<DisconnectReason, string> action) => _onEnd = action;

    /// <param name="connect">Answers CONNECT and gives the handler of all that follows; null after a refusal.</param>
    public async Task RunAsync(Func<MqttConnectPacket, Action<MqttPacket>?> connect, CancellationToken cancellation)
    {
        using var stop = cancellation.UnsafeRegister(_ => End(DisconnectReason.ByServer, "the broker stops"), null);
        var writing = WriteAsync();
        try
        {
            Action<MqttPacket>? handle = null;
            while (await _packets.ReadAsync(_closed.Token) is { } packet && !HasEnded)
            {
                if (_faults is not null)
                    await _faults.ThawedAsync(Plane, _closed.Token);
                _deadline.Change(_patience, Timeout.InfiniteTimeSpan);
                if (handle is not null)
                    handle(packet);
                else if ((handle = connect((MqttConnectPacket)packet)) is null)
                    break;
            }

            End(DisconnectReason.Lost, "end of stream");
        }
        catch (OperationCanceledException) when (_closed.IsCancellationRequested)
        {
            End(DisconnectReason.Lost, "closed");
        }
        catch (Exception e) when (e is IOException or SocketException or AuthenticationException or ObjectDisposedException)
        {
            End(DisconnectReason.Lost, e.Message);
        }
        catch (PacketTooLargeException e)
        {
            End(DisconnectReason.Fault(MqttDisconnectReasonCode.PacketTooLarge), e.Message);
        }
        catch (Exception e)
        {
            // Whatever the decoder makes of garbage: this connection ends, no other notices.
            End(DisconnectReason.Fault(MqttDisconnectReasonCode.MalformedPacket), e.Message);
        }
        finally
        {
            await writing;
        }
    }

    /// <summary>The client is admitted: from here on it must be heard of within so long, and is told why it is let go.</summary>
    public void Admit(TimeSpan patience)
    {
        _isAdmitted = true;
        _patience = patience;
        _deadline.Change(patience, Timeout.InfiniteTimeSpan);
    }

    public void Send(MqttPacket packet)
    {
        // Whoever does not read what he is sent loses what may be lost.
        var isExpendable = packet is MqttPublishPacket { QualityOfServiceLevel: MqttQualityOfServiceLevel.AtMostOnce };
        if (!isExpendable || _outgoing.Reader.Count < MqttLimits.HeldMessages)
            _outgoing.Writer.TryWrite(packet);
    }

    /// <summary>The topic that the packet means. Null when its alias means nothing.</summary>
    public string? ResolveTopic(MqttPublishPacket packet)
    {
        if (packet.TopicAlias == 0)
            return packet.Topic ?? "";
        if (packet.TopicAlias > MqttLimits.TopicAliases)
            return null;
        return string.IsNullOrEmpty(packet.Topic) ? _aliases[packet.TopicAlias] : _aliases[packet.TopicAlias] = packet.Topic;
    }

    /// <summary>Idempotent: the first reason counts. What was sent before still goes out.</summary>
    public void End(DisconnectReason reason, string detail)
    {
        if (Interlocked.Exchange(ref _ended, 1) != 0)
            return;
        _onEnd?.Invoke(reason, detail);
        if (_isAdmitted && IsVersion5 && !reason.IsByClient && reason != DisconnectReason.Lost)
            _outgoing.Writer.TryWrite(new MqttDisconnectPacket { ReasonCode = reason.Code });
        Finish();
    }

    /// <summary>After a refusal: CONNACK goes out, nothing else happens.</summary>
    public void Refuse(MqttConnAckPacket answer)
    {
        _outgoing.Writer.TryWrite(answer);
        Interlocked.Exchange(ref _ended, 1);
        Finish();
    }

    public void Dispose()
    {
        _deadline.Dispose();
        _closed.Dispose();
    }

    private void Finish()
    {
        _outgoing.Writer.TryComplete();
        _deadline.Change(LastWords, Timeout.InfiniteTimeSpan);
    }

    private void OnDeadline()
    {
        // Nobody looks at the clock of a plane that is frozen.
        if (!HasEnded && _faults?.IsFrozen(Plane) == true)
            _deadline.Change(_patience, Timeout.InfiniteTimeSpan);
        else if (!HasEnded)
            End(DisconnectReason.KeepAlive, "nothing heard");
        else
            Close();

        void Close()
        {
            try
            {
                _closed.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The connection came to its end while the clock was on its way here.
            }
        }
    }

    private async Task WriteAsync()
    {
        try
        {
            await foreach (var packet in _outgoing.Reader.ReadAllAsync())
            {
                if (_faults is not null)
                    await _faults.ThawedAsync(Plane, _closed.Token);
                await _packets.WriteAsync(packet, _closed.Token);
            }

            if (_stream is SslStream tls)
                await tls.ShutdownAsync();
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            End(DisconnectReason.Lost, e.Message);
        }
        finally
        {
            await _closed.CancelAsync();
            await _stream.DisposeAsync();
        }
    }
}
