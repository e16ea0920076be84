using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>What a runtime calls: the next event, its answer, its error.</summary>
internal sealed class RuntimeApi(LambdaFunction function, TimeProvider time)
{
    private const string Base = "/2018-06-01/runtime/";
    private const int MaxResponse = 6 * 1024 * 1024;

    private readonly Channel<Invocation> _offered = Channel.CreateBounded<Invocation>(1);
    private readonly Lock _gate = new();
    private Invocation? _current;
    private byte[]? _initError;

    public void Offer(Invocation invocation)
    {
        lock (_gate)
        {
            // A quick process may have failed before there was anything to offer.
            if (_initError is { } error)
                invocation.Fail(error);
            else
                _offered.Writer.TryWrite(invocation);
        }
    }

    public async Task HandleAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        if (HttpMethods.IsGet(http.Request.Method) && path == Base + "invocation/next")
            await NextAsync(http);
        else if (HttpMethods.IsPost(http.Request.Method) && path.StartsWith(Base + "invocation/", StringComparison.Ordinal))
            await EndAsync(http, path[(Base.Length + "invocation/".Length)..].Split('/'));
        else if (HttpMethods.IsPost(http.Request.Method) && path == Base + "init/error")
            await InitErrorAsync(http);
        else
            await RefuseAsync(http, 404, "NotFound", $"no such path: {path}");
    }

    private async Task NextAsync(HttpContext http)
    {
        Invocation invocation;
        try
        {
            invocation = await _offered.Reader.ReadAsync(http.RequestAborted);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        Volatile.Write(ref _current, invocation);
        var headers = http.Response.Headers;
        headers["Lambda-Runtime-Aws-Request-Id"] = invocation.RequestId;
        headers["Lambda-Runtime-Deadline-Ms"] =
            time.GetUtcNow().AddSeconds(function.TimeoutSeconds).ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        headers["Lambda-Runtime-Invoked-Function-Arn"] = function.Arn;
        headers["Lambda-Runtime-Trace-Id"] =
            $"Root=1-{time.GetUtcNow().ToUnixTimeSeconds():x8}-{invocation.RequestId.Replace("-", "", StringComparison.Ordinal)[..24]};Parent=53995c3f42cd8ad8;Sampled=0";
        http.Response.ContentType = "application/json";
        http.Response.ContentLength = invocation.Payload.Length;
        await http.Response.Body.WriteAsync(invocation.Payload, http.RequestAborted);
    }

    private async Task EndAsync(HttpContext http, string[] idAndKind)
    {
        if (idAndKind is not [var id, "response" or "error"])
        {
            await RefuseAsync(http, 404, "NotFound", "no such path");
            return;
        }

        var body = await ReadAsync(http);
        if (Volatile.Read(ref _current) is not { } current || current.RequestId != id)
        {
            await RefuseAsync(http, 400, "InvalidRequestID", "Invalid request ID");
            return;
        }

        if (body.Length > MaxResponse)
        {
            current.Fail("Function.ResponseSizeTooLarge", $"Response payload size exceeded maximum allowed payload size ({MaxResponse} bytes).");
            await RefuseAsync(http, 413, "RequestEntityTooLarge", "Exceeded maximum allowed payload size");
            return;
        }

        Volatile.Write(ref _current, null);
        if (idAndKind[1] == "response")
            current.Answer(body);
        else
            current.Fail(body.Length > 0 ? body : Encoding.UTF8.GetBytes("{}"));
        await AcceptAsync(http);
    }

    private async Task InitErrorAsync(HttpContext http)
    {
        var body = await ReadAsync(http);
        lock (_gate)
        {
            _initError = body;
            if (_offered.Reader.TryRead(out var waiting))
                waiting.Fail(body);
        }

        await AcceptAsync(http);
    }

    private static async Task<byte[]> ReadAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        return body.ToArray();
    }

    private static Task AcceptAsync(HttpContext http) => WriteAsync(http, 202, new JsonObject { ["status"] = "OK" });

    private static Task RefuseAsync(HttpContext http, int status, string type, string message) =>
        WriteAsync(http, status, new JsonObject { ["errorType"] = type, ["errorMessage"] = message });

    private static async Task WriteAsync(HttpContext http, int status, JsonObject json)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        await http.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(json), http.RequestAborted);
    }
}
