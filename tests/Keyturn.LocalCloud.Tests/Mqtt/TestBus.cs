using System.Text.Json.Nodes;
using System.Threading.Channels;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Mqtt;

namespace Keyturn.LocalCloud.Tests.Mqtt;

/// <summary>A bus without a broker: remembers what was published and who was answered.</summary>
internal sealed class TestBus : IMessageBus
{
    private readonly Lock _lock = new();
    private readonly List<(string Topic, JsonNode Json)> _published = [];
    private readonly Channel<(string Client, string Topic, JsonNode Json)> _replies = Channel.CreateUnbounded<(string, string, JsonNode)>();
    private readonly List<Action<BusMessage>> _watchers = [];

    public ValueTask PublishAsync(BusMessage message, CancellationToken cancellation = default)
    {
        Action<BusMessage>[] watchers;
        lock (_lock)
        {
            if (message.ClientId is null)
                _published.Add((message.Topic, JsonNode.Parse(message.Payload.Span)!));
            watchers = [.. _watchers];
        }

        foreach (var watcher in watchers)
            watcher(message);
        return ValueTask.CompletedTask;
    }

    public ValueTask ReplyAsync(string clientId, string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation = default)
    {
        _replies.Writer.TryWrite((clientId, topic, JsonNode.Parse(payload.Span)!));
        return ValueTask.CompletedTask;
    }

    public IDisposable Watch(Action<BusMessage> watcher)
    {
        lock (_lock)
            _watchers.Add(watcher);
        return new Watching(this, watcher);
    }

    /// <summary>A device's request, and the answer to it.</summary>
    public async Task<(string Topic, JsonNode Json)> AskAsync(string topic, string payload = "{}", string client = "device")
    {
        await PublishAsync(new BusMessage(topic, System.Text.Encoding.UTF8.GetBytes(payload), client, "principal"));
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        var (answered, answer, json) = await _replies.Reader.ReadAsync(patience.Token);
        Assert.Equal(client, answered);
        return (answer, json);
    }

    /// <summary>What was published since the last call.</summary>
    public IReadOnlyList<(string Topic, JsonNode Json)> Take()
    {
        lock (_lock)
        {
            var taken = _published.ToList();
            _published.Clear();
            return taken;
        }
    }

    public IReadOnlyList<string> TakeTopics() => [.. Take().Select(p => p.Topic)];

    private sealed class Watching(TestBus bus, Action<BusMessage> watcher) : IDisposable
    {
        public void Dispose()
        {
            lock (bus._lock)
                bus._watchers.Remove(watcher);
        }
    }
}

/// <summary>Calls operations as the router does.</summary>
internal static class OperationCalls
{
    public static async Task<ApiResponse> CallAsync(
        this IEnumerable<ApiOperation> operations, string service, string name, string labels = "", string query = "", string body = "",
        string? certificate = null)
    {
        var operation = operations.Single(o => o.Service == service && o.Name == name);
        var request = new ApiRequest(
            operation, Pairs(labels).ToDictionary(p => p.Key, p => p.Value), Pairs(query).ToLookup(p => p.Key, p => p.Value),
            new Dictionary<string, string>(), System.Text.Encoding.UTF8.GetBytes(body), new ApiCaller(certificate is null ? "test" : null, certificate));
        return await operation.Handler(request, TestContext.Current.CancellationToken);
    }

    public static async Task<ApiException> RefusedAsync(Task<ApiResponse> call) => await Assert.ThrowsAnyAsync<ApiException>(() => call);

    private static IEnumerable<KeyValuePair<string, string>> Pairs(string text) =>
        text.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => KeyValuePair.Create(p[..p.IndexOf('=')], p[(p.IndexOf('=') + 1)..]));
}
