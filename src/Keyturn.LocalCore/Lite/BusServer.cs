using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Lite;

/// <summary>The MQTT daemon's end of <see cref="MqttBus"/>.</summary>
internal sealed class BusServer(LiteMqttLink link, ILogger log)
{
    private readonly ConcurrentDictionary<Channel<string>, string> subscribers = [];

    /// <summary>Filters that somebody listens for: they are asked for again on each new connection to the cloud.</summary>
    public IEnumerable<string> Filters => subscribers.Values.Distinct();

    public void Deliver(string topic, byte[] payload)
    {
        foreach (var (lines, filter) in subscribers)
        {
            if (TopicFilter.Covers(filter, topic))
                lines.Writer.TryWrite(MqttBus.Line(topic, payload));
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        File.Delete(MqttBus.SocketPath);
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(MqttBus.SocketPath));
        listener.Listen();
        while (true)
        {
            var client = await listener.AcceptAsync(cancellation).ConfigureAwait(false);
            _ = ServeAsync(client, cancellation);
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken cancellation)
    {
        await Task.Yield();
        using var stream = new NetworkStream(client, ownsSocket: true);
        using var reader = new StreamReader(stream, leaveOpen: true);
        try
        {
            var request = JsonNode.Parse(await reader.ReadLineAsync(cancellation).ConfigureAwait(false) ?? "") ?? throw new JsonException("no request");
            if (request["subscribe"]?.ToString() is { } filter)
                await SubscribeAsync(stream, reader, filter, (int)request["qos"]!, cancellation).ConfigureAwait(false);
            else
                await AnswerAsync(stream, await link.PublishAsync(
                    request["publish"]!.ToString(), Convert.FromBase64String(request["payload"]!.ToString()), (int)request["qos"]!, cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is IOException or SocketException or JsonException or OperationCanceledException)
        {
            if (problem is JsonException)
                log.BusRequestBroke(problem.Message);
        }
    }

    private async Task SubscribeAsync(NetworkStream stream, StreamReader reader, string filter, int qos, CancellationToken cancellation)
    {
        var lines = Channel.CreateUnbounded<string>(new() { SingleReader = true });
        subscribers[lines] = filter;
        try
        {
            var problem = link.Subscribe(filter, qos);
            await AnswerAsync(stream, problem, cancellation).ConfigureAwait(false);
            if (problem is not null)
                return;
            // The other end says nothing more; that it has gone shows as the end of its words.
            _ = reader.ReadLineAsync(cancellation).AsTask().ContinueWith(_ => lines.Writer.TryComplete(), TaskScheduler.Default);
            await foreach (var line in lines.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
                await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"), cancellation).ConfigureAwait(false);
        }
        finally
        {
            subscribers.TryRemove(lines, out _);
            if (!cancellation.IsCancellationRequested && !subscribers.Values.Contains(filter))
                link.Unsubscribe(filter);
        }
    }

    private static ValueTask AnswerAsync(NetworkStream stream, string? problem, CancellationToken cancellation) => stream.WriteAsync(
        Encoding.UTF8.GetBytes((problem is null ? new JsonObject() : new JsonObject { ["error"] = problem }).ToJsonString() + "\n"), cancellation);
}
