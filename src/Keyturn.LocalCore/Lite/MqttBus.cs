using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Lite;

/// <summary>
/// How lite's other daemons reach the one that holds the MQTT connection: one request a connection, as a line of JSON. A subscription's connection stays, and
/// carries a line for each message.
/// </summary>
internal static class MqttBus
{
    /// <summary>Below the root, which is every daemon's working directory: an absolute path may be too long for a socket's address.</summary>
    public const string SocketPath = "run/aws_iot_mqtt";

    /// <exception cref="BusException">The daemon is not there, or can't do it.</exception>
    public static async Task PublishAsync(string topic, byte[] payload, int qos, CancellationToken cancellation)
    {
        using var bus = await AskAsync(new JsonObject { ["publish"] = topic, ["payload"] = Convert.ToBase64String(payload), ["qos"] = qos }, cancellation).ConfigureAwait(false);
    }

    /// <returns>The messages, line by line; the end when the daemon is gone.</returns>
    /// <exception cref="BusException">The daemon is not there, or can't do it.</exception>
    public static Task<StreamReader> SubscribeAsync(string filter, int qos, CancellationToken cancellation) =>
        AskAsync(new JsonObject { ["subscribe"] = filter, ["qos"] = qos }, cancellation);

    public static (string Topic, byte[] Payload) Message(string line)
    {
        var message = JsonNode.Parse(line)!;
        return (message["topic"]!.ToString(), Convert.FromBase64String(message["payload"]!.ToString()));
    }

    public static string Line(string topic, byte[] payload) => new JsonObject { ["topic"] = topic, ["payload"] = Convert.ToBase64String(payload) }.ToJsonString();

    private static async Task<StreamReader> AskAsync(JsonObject request, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath), cancellation).ConfigureAwait(false);
            var stream = new NetworkStream(socket, ownsSocket: true);
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes(request.ToJsonString() + "\n"), cancellation).ConfigureAwait(false);
            var reader = new StreamReader(stream);
            var answer = await reader.ReadLineAsync(cancellation).ConfigureAwait(false) ?? throw new BusException("the MQTT daemon went away");
            return JsonNode.Parse(answer)?["error"]?.ToString() is { } error ? throw new BusException(error) : reader;
        }
        catch (Exception problem) when (problem is SocketException or IOException or JsonException or BusException)
        {
            socket.Dispose();
            throw problem as BusException ?? new BusException(problem.Message, problem);
        }
    }
}

/// <summary>The MQTT daemon can't do what it was asked for, or is not there.</summary>
internal sealed class BusException(string message, Exception? inner = null) : Exception(message, inner);
