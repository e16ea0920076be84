using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>One event on its way through one execution environment.</summary>
internal sealed class Invocation(string requestId, ReadOnlyMemory<byte> payload)
{
    private readonly TaskCompletionSource<InvocationResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The same for every attempt at an asynchronous event.</summary>
    public string RequestId { get; } = requestId;

    public ReadOnlyMemory<byte> Payload { get; } = payload;

    public Task<InvocationResult> Result => _result.Task;

    public void Answer(ReadOnlyMemory<byte> payload) => _result.TrySetResult(new InvocationResult(null, payload));

    public void Fail(ReadOnlyMemory<byte> error) => _result.TrySetResult(new InvocationResult("Unhandled", error));

    public void Fail(string type, string message) => Fail(JsonSerializer.SerializeToUtf8Bytes(
        new JsonObject { ["errorType"] = type, ["errorMessage"] = message }));
}
