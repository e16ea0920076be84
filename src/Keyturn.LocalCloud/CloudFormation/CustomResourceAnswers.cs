using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>What stands behind the ResponseURLs of custom resources. On AWS they are URLs of S3, signed for a PUT without content type.</summary>
internal sealed class CustomResourceAnswers(Func<string> apiUrl)
{
    private const string Path = "/cloudformation-custom-resource-response/";
    private const int MostBytes = 4096;

    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonObject>> _expected = new(StringComparer.Ordinal);

    public (string Url, Task<JsonObject> Answer) Expect(string id)
    {
        var answer = new TaskCompletionSource<JsonObject>(TaskCreationOptions.RunContinuationsAsynchronously);
        _expected[id] = answer;
        return ($"{apiUrl()}{Path}{id}", answer.Task);
    }

    public void Forget(string id) => _expected.TryRemove(id, out _);

    /// <returns>Whether the request was one of these, and has been answered.</returns>
    public async Task<bool> TryHandleAsync(HttpContext http)
    {
        if (!http.Request.Path.StartsWithSegments(Path.TrimEnd('/'), StringComparison.Ordinal, out var rest))
            return false;
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        var known = _expected.TryGetValue(rest.Value?.TrimStart('/') ?? "", out var expected);
        http.Response.StatusCode = !known ? 404
            : !HttpMethods.IsPut(http.Request.Method) || !string.IsNullOrEmpty(http.Request.ContentType) ? 403
            : body.Length > MostBytes || Parse(body.ToArray()) is not { } answer ? 400
            : Take(expected!, answer);
        return true;
    }

    private static int Take(TaskCompletionSource<JsonObject> expected, JsonObject answer)
    {
        expected.TrySetResult(answer);
        return 200;
    }

    private static JsonObject? Parse(byte[] body)
    {
        try
        {
            return StrictJson.Parse(body) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
