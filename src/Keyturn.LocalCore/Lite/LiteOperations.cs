using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Core;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Mqtt;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Lite;

/// <summary>What lite's IPC offers of what a rotation needs. Whatever else is asked for is a ServiceError with an empty message.</summary>
internal sealed class LiteOperations(LiteSettings settings, ConfigurationStore store, ILogger log)
{
    private const string Private = "aws.greengrass.private#";
    private const string Publish = "PublishToIoTCore", Subscribe = "SubscribeToIoTCore", Update = "UpdateConfiguration";

    private readonly AccessControl access = new(store);

    public IEnumerable<Operation> All =>
    [
        new(Publish, Streaming: false, PublishAsync),
        new(Subscribe, Streaming: true, SubscribeAsync),
        new("GetSystemConfig", Streaming: false, GetSystemConfig, Private),
        .. new ConfigurationOperations(store).All.Select(o => o.Name == Update ? o with { Handle = (s, r, c) => UpdateAsync(o, s, r, c) } : o),
    ];

    private async ValueTask<JsonObject> PublishAsync(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var topic = AllowedTopic(stream, request, Publish);
        try
        {
            await MqttBus.PublishAsync(topic, request.Blob("payload") ?? [], QualityOf(request), cancellation).ConfigureAwait(false);
            return [];
        }
        catch (BusException)
        {
            throw IpcException.Service("");
        }
    }

    private async ValueTask<JsonObject> SubscribeAsync(IpcStream stream, JsonObject request, CancellationToken cancellation)
    {
        var topic = AllowedTopic(stream, request, Subscribe);
        StreamReader messages;
        try
        {
            messages = await MqttBus.SubscribeAsync(topic, QualityOf(request), cancellation).ConfigureAwait(false);
        }
        catch (BusException)
        {
            throw IpcException.Service("");
        }
        stream.WhenClosed(messages.Dispose);
        _ = PumpAsync(stream, messages);
        return [];
    }

    /// <summary>When the MQTT daemon is gone the messages end, and nobody tells the component: its stream stays open.</summary>
    private async Task PumpAsync(IpcStream stream, StreamReader messages)
    {
        try
        {
            while (await messages.ReadLineAsync().ConfigureAwait(false) is { } line)
            {
                var (topic, payload) = MqttBus.Message(line);
                stream.SendEvent(Operation.Namespace + "IoTCoreMessage", new()
                {
                    ["message"] = new JsonObject { ["topicName"] = topic, ["payload"] = Convert.ToBase64String(payload) },
                });
            }
        }
        catch (Exception problem) when (problem is IOException or ObjectDisposedException or JsonException)
        {
            log.BusRequestBroke(problem.Message);
        }
    }

    private ValueTask<JsonObject> GetSystemConfig(IpcStream stream, JsonObject request, CancellationToken cancellation) =>
        ValueTask.FromResult(new JsonObject
        {
            ["value"] = settings.Find(request.Text("key") ?? throw IpcException.InvalidArguments("")) ?? throw IpcException.NotFound(""),
        });

    /// <summary>A timestamp without fraction or exponent is no number of seconds to lite.</summary>
    private static ValueTask<JsonObject> UpdateAsync(Operation update, IpcStream stream, JsonObject request, CancellationToken cancellation) =>
        request["timestamp"]?.ToJsonString().AsSpan().IndexOfAny('.', 'e', 'E') < 0 ? throw IpcException.InvalidArguments("") : update.Handle(stream, request, cancellation);

    private string AllowedTopic(IpcStream stream, JsonObject request, string operation)
    {
        var topic = request.Text("topicName") ?? throw IpcException.InvalidArguments("");
        return access.MayUseTopic(stream.Component, operation, topic) ? topic : throw new IpcException("UnauthorizedError", "");
    }

    private static int QualityOf(JsonObject request) => request.Text("qos") switch
    {
        null or "0" => 0,
        "1" => 1,
        _ => throw IpcException.InvalidArguments(""),
    };
}
