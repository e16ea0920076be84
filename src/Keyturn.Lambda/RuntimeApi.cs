using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Keyturn.Lambda;

/// <summary>One invocation's event in; nothing out, since all our invocations are asynchronous.</summary>
/// <param name="deadline">When Lambda ends the function; <paramref name="cancellation"/> comes a moment before.</param>
internal delegate Task Handler(ReadOnlyMemory<byte> json, DateTimeOffset deadline, CancellationToken cancellation);

/// <summary>The loop of a custom runtime: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html</summary>
internal sealed class RuntimeApi : IDisposable
{
    /// <summary>Left before the deadline, to report the failure with.</summary>
    private static readonly TimeSpan Reserve = TimeSpan.FromMilliseconds(500);

    /// <summary>No function of AWS Lambda runs longer.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(15);

    private static readonly byte[] Done = "null"u8.ToArray();

    private readonly HttpClient _http;
    private readonly JsonLog _log;
    private readonly TimeProvider _clock;

    /// <param name="address">host:port, as AWS_LAMBDA_RUNTIME_API gives it.</param>
    public RuntimeApi(string address, JsonLog log, TimeProvider clock)
    {
        (_log, _clock) = (log, clock);
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false })
        {
            BaseAddress = new Uri($"http://{address}/2018-06-01/runtime/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    /// <returns>The exit code, once the runtime API is gone.</returns>
    public async Task<int> RunAsync(Handler handler, CancellationToken cancellation)
    {
        while (true)
        {
            HttpResponseMessage next;
            try
            {
                next = await _http.GetAsync("invocation/next", cancellation);
            }
            catch (HttpRequestException exception)
            {
                _log.RuntimeGone(exception.Message);
                return 0;
            }

            using (next)
            {
                if (next.StatusCode != HttpStatusCode.OK || Header(next, "Lambda-Runtime-Aws-Request-Id") is not { } requestId)
                {
                    _log.RuntimeRefused((int)next.StatusCode);
                    return 1;
                }

                await HandleAsync(handler, next, requestId, cancellation);
            }
        }
    }

    public Task ReportStartFailureAsync(Exception exception, CancellationToken cancellation) =>
        PostErrorAsync("init/error", exception, cancellation);

    public void Dispose() => _http.Dispose();

    private async Task HandleAsync(Handler handler, HttpResponseMessage next, string requestId, CancellationToken cancellation)
    {
        _log.Begin(requestId, Header(next, "Lambda-Runtime-Trace-Id"));
        try
        {
            var json = await next.Content.ReadAsByteArrayAsync(cancellation);
            var remaining = Remaining(next);
            using var deadline = new CancellationTokenSource(remaining, _clock);
            using var linked = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancellation);
            await handler(json, _clock.GetUtcNow() + remaining, linked.Token);
        }
        catch (Exception exception)
        {
            _log.InvocationFailed(exception.GetType().Name, exception.Message);
            await PostErrorAsync($"invocation/{requestId}/error", exception, cancellation);
            return;
        }

        using var content = new ByteArrayContent(Done);
        await PostAsync($"invocation/{requestId}/response", content, cancellation);
    }

    private TimeSpan Remaining(HttpResponseMessage next)
    {
        if (!long.TryParse(Header(next, "Lambda-Runtime-Deadline-Ms"), NumberStyles.None, CultureInfo.InvariantCulture, out var deadline))
        {
            return Longest;
        }

        var remaining = TimeSpan.FromMilliseconds(Math.Min(deadline - _clock.GetUtcNow().ToUnixTimeMilliseconds(), Longest.TotalMilliseconds)) - Reserve;
        return remaining > TimeSpan.Zero ? remaining : TimeSpan.Zero;
    }

    private async Task PostErrorAsync(string path, Exception exception, CancellationToken cancellation)
    {
        var error = new RuntimeError(exception.Message, exception.GetType().Name);
        using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(error, RuntimeJson.Default.RuntimeError));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/vnd.aws.lambda.error+json");
        content.Headers.Add("Lambda-Runtime-Function-Error-Type", error.ErrorType);
        await PostAsync(path, content, cancellation);
    }

    /// <summary>An answer that can't be delivered is no reason to fail: Lambda tries the invocation again.</summary>
    private async Task PostAsync(string path, HttpContent content, CancellationToken cancellation)
    {
        try
        {
            using var response = await _http.PostAsync(path, content, cancellation);
            if (!response.IsSuccessStatusCode)
            {
                _log.RuntimeRefused((int)response.StatusCode);
            }
        }
        catch (HttpRequestException exception)
        {
            _log.RuntimeGone(exception.Message);
        }
    }

    private static string? Header(HttpResponseMessage message, string name) =>
        message.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;
}

internal sealed record RuntimeError(string ErrorMessage, string ErrorType);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(RuntimeError))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
