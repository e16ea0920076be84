using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Net.Sockets;
using Greengrass.Ipc.EventStream;
using Greengrass.Ipc.Rpc;

namespace Keyturn.Bench;

/// <summary>Answers every call of one component at once and sends it nothing: what remains is the component's own time and memory.</summary>
internal sealed class SilentNucleus : IDisposable
{
    private readonly Socket listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    public SilentNucleus(string path)
    {
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
    }

    /// <summary>Until the component has subscribed to all it wants, and asks the cloud its first question.</summary>
    public async Task<TimeSpan> FirstPublishAsync(Stopwatch sinceStart, CancellationToken cancellation)
    {
        while (true)
        {
            var client = await listener.AcceptAsync(cancellation);
            if (await ServeAsync(client, sinceStart, cancellation) is { } elapsed)
                return elapsed;
        }
    }

    public void Dispose() => listener.Dispose();

    private static async Task<TimeSpan?> ServeAsync(Socket client, Stopwatch sinceStart, CancellationToken cancellation)
    {
        var stream = new NetworkStream(client, ownsSocket: true);
        var reader = PipeReader.Create(stream);
        while (true)
        {
            var read = await reader.ReadAsync(cancellation);
            var buffer = read.Buffer;
            while (EventStreamDecoder.TryRead(ref buffer, EventStreamLimits.MaxMessageBytes, out var message))
            {
                var request = RpcMessage.Parse(message);
                if (request.Message.Find(RpcMessage.OperationHeader)?.AsString() == "aws.greengrass#PublishToIoTCore")
                {
                    await SendAsync(stream, Answer(request, terminate: true), cancellation);
                    return sinceStart.Elapsed;
                }

                if (!request.TerminatesStream)
                    await SendAsync(stream, AnswerTo(request), cancellation);
            }

            reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
                return null;
        }
    }

    private static EventStreamMessage AnswerTo(RpcMessage request) => request.Type == MessageType.Connect
        ? RpcMessage.Create(MessageType.ConnectAck, MessageFlags.ConnectionAccepted, 0, default)
        : Answer(request, terminate: !request.Message.Find(RpcMessage.OperationHeader)!.Value.AsString()!.Contains("SubscribeTo", StringComparison.Ordinal));

    private static EventStreamMessage Answer(RpcMessage request, bool terminate)
    {
        var operation = request.Message.Find(RpcMessage.OperationHeader)!.Value.AsString()!;
        var payload = operation.EndsWith("GetConfiguration", StringComparison.Ordinal)
            ? """{"componentName":"aws.greengrass.labs.CertificateRotator","value":{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA"}}"""u8.ToArray()
            : "{}"u8.ToArray();
        return RpcMessage.Create(
            MessageType.ApplicationMessage,
            terminate ? MessageFlags.TerminateStream : MessageFlags.None,
            request.StreamId,
            payload,
            EventStreamHeader.String(RpcMessage.ContentTypeHeader, "application/json"),
            EventStreamHeader.String(RpcMessage.ServiceModelTypeHeader, operation + "Response"));
    }

    private static async Task SendAsync(Stream stream, EventStreamMessage message, CancellationToken cancellation)
    {
        var bytes = new ArrayBufferWriter<byte>();
        EventStreamEncoder.Write(bytes, message);
        await stream.WriteAsync(bytes.WrittenMemory, cancellation);
    }
}
