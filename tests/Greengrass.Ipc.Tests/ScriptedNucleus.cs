using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Greengrass.Ipc.Tests;

/// <summary>A message as the scripted nucleus read it off the socket.</summary>
internal sealed record ReceivedFrame(IReadOnlyDictionary<string, object> Headers, string Payload, byte[] Bytes)
{
    public int Type => (int)Headers[":message-type"];
    public int Flags => (int)Headers[":message-flags"];
    public int StreamId => (int)Headers[":stream-id"];
    public string? Operation => Headers.TryGetValue("operation", out var value) ? (string)value : null;
    public JsonElement Json => JsonDocument.Parse(Payload).RootElement;
}

/// <summary>
/// The other end of a real Unix domain socket, played by a test step by step: it says what it expects and what it sends. Its framing is written
/// here once more, so that a mistake in the library's codec can't hide.
/// </summary>
internal sealed class ScriptedNucleus : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("ipc");
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public ScriptedNucleus()
    {
        SocketPath = Path.Combine(directory.FullName, "ipc.socket");
        listener.Bind(new UnixDomainSocketEndPoint(SocketPath));
        listener.Listen();
    }

    public string SocketPath { get; }

    public GreengrassIpcOptions Options => new() { SocketPath = SocketPath, AuthToken = "TOKEN" };

    public async Task<NucleusConnection> AcceptAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        return new NucleusConnection(new NetworkStream(await listener.AcceptAsync(patience.Token), ownsSocket: true));
    }

    /// <summary>Connects a client and accepts it.</summary>
    public Task<(GreengrassIpcClient Client, NucleusConnection Nucleus)> ConnectAsync() => ConnectAsync(Options);

    public async Task<(GreengrassIpcClient Client, NucleusConnection Nucleus)> ConnectAsync(GreengrassIpcOptions options)
    {
        var connecting = GreengrassIpcClient.ConnectAsync(options);
        var nucleus = await AcceptAsync();
        await nucleus.AcceptHandshakeAsync();
        return (await connecting, nucleus);
    }

    public ValueTask DisposeAsync()
    {
        listener.Dispose();
        directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>One accepted connection.</summary>
internal sealed class NucleusConnection(NetworkStream stream) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public Task SendAsync(byte[] bytes) => stream.WriteAsync(bytes).AsTask();

    public Task SendAsync(int type, int flags, int streamId, string payload = "", params byte[][] headers) =>
        SendAsync(Frames.Message(type, flags, streamId, payload, headers));

    public Task RespondAsync(int streamId, string operation, string payload = "{}", int flags = 2) =>
        SendAsync(0, flags, streamId, payload, Frames.Text("service-model-type", $"aws.greengrass#{operation}Response"));

    public Task SendMessageEventAsync(int streamId, string topic, string payload) => SendAsync(
        0, 0, streamId,
        $$$"""{"message":{"topicName":"{{{topic}}}","payload":"{{{Convert.ToBase64String(Encoding.UTF8.GetBytes(payload))}}}"}}""",
        Frames.Text("service-model-type", "aws.greengrass#IoTCoreMessage"));

    public async Task<ReceivedFrame> AcceptHandshakeAsync()
    {
        var connect = await ReadAsync();
        await SendAsync(5, 1, 0);
        return connect;
    }

    public async Task<ReceivedFrame> ReadAsync()
    {
        var prelude = await ReadAsync(12);
        Assert.Equal(Frames.Crc(prelude.AsSpan(0, 8)), BinaryPrimitives.ReadUInt32BigEndian(prelude.AsSpan(8)));
        var total = BinaryPrimitives.ReadInt32BigEndian(prelude);
        var headersLength = BinaryPrimitives.ReadInt32BigEndian(prelude.AsSpan(4));
        byte[] bytes = [.. prelude, .. await ReadAsync(total - 12)];
        Assert.Equal(Frames.Crc(bytes.AsSpan(0, total - 4)), BinaryPrimitives.ReadUInt32BigEndian(bytes.AsSpan(total - 4)));
        return new ReceivedFrame(
            ReadHeaders(bytes.AsSpan(12, headersLength)), Encoding.UTF8.GetString(bytes.AsSpan(12 + headersLength, total - 16 - headersLength)), bytes);
    }

    /// <summary>Whether the client has sent something that was not read yet.</summary>
    public bool HasData => stream.DataAvailable;

    /// <summary>Whether the client has closed, with nothing more sent before.</summary>
    public async Task<bool> IsClosedAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            return await stream.ReadAsync(new byte[1], patience.Token) == 0;
        }
        catch (IOException)
        {
            return true;
        }
    }

    public ValueTask DisposeAsync() => stream.DisposeAsync();

    private async Task<byte[]> ReadAsync(int count)
    {
        using var patience = new CancellationTokenSource(Patience);
        var bytes = new byte[count];
        await stream.ReadExactlyAsync(bytes, patience.Token);
        return bytes;
    }

    /// <summary>As strict as nucleus lite: only int32 and string headers.</summary>
    private static Dictionary<string, object> ReadHeaders(ReadOnlySpan<byte> bytes)
    {
        var headers = new Dictionary<string, object>();
        while (!bytes.IsEmpty)
        {
            var name = Encoding.ASCII.GetString(bytes.Slice(1, bytes[0]));
            bytes = bytes[(1 + bytes[0])..];
            switch (bytes[0])
            {
                case 4:
                    headers.Add(name, BinaryPrimitives.ReadInt32BigEndian(bytes[1..]));
                    bytes = bytes[5..];
                    break;
                case 7:
                    var length = BinaryPrimitives.ReadUInt16BigEndian(bytes[1..]);
                    headers.Add(name, Encoding.UTF8.GetString(bytes.Slice(3, length)));
                    bytes = bytes[(3 + length)..];
                    break;
                default:
                    throw new InvalidDataException($"Header {name} has type {bytes[0]}: nucleus lite would close the connection.");
            }
        }

        return headers;
    }
}
