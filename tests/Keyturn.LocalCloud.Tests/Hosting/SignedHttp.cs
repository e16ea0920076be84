using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Hosting;

/// <summary>Signs requests as the SigV4 text has it, and lets a test spoil any part of it.</summary>
internal sealed class SignedHttp(string endpoint) : IDisposable
{
    private readonly HttpClient _http = new();

    public string KeyId { get; init; } = "test";

    public string Secret { get; init; } = "test";

    public string Region { get; init; } = "us-east-1";

    public DateTimeOffset? At { get; init; }

    public string? Token { get; init; }

    /// <summary>Says that the payload is not signed.</summary>
    public bool UnsignedPayload { get; init; }

    /// <summary>The last word before sending.</summary>
    public Action<HttpRequestMessage>? Spoil { get; init; }

    /// <param name="pathAndQuery">Encoded; the query sorted.</param>
    public async Task<SignedAnswer> SendAsync(
        string service, string method, string pathAndQuery, byte[]? body = null, string? contentType = null, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), endpoint + pathAndQuery);
        var uri = new Uri(endpoint);
        var moment = (At ?? DateTimeOffset.UtcNow).UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var hash = UnsignedPayload ? "UNSIGNED-PAYLOAD" : Hex(SHA256.HashData(body ?? []));
        var signed = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["host"] = uri.Authority, ["x-amz-date"] = moment, ["x-amz-content-sha256"] = hash,
        };
        if (Token is not null)
            signed["x-amz-security-token"] = Token;
        foreach (var (name, value) in headers)
            signed[name.ToLowerInvariant()] = value;
        var (path, query) = pathAndQuery.Split('?', 2) is [var p, var q] ? (p, q) : (pathAndQuery, "");
        var canonical = string.Join('\n',
            method, string.Join('/', path.Split('/').Select(Uri.EscapeDataString)), query,
            string.Concat(signed.Select(h => $"{h.Key}:{h.Value.Trim()}\n")), string.Join(';', signed.Keys), hash);
        var scope = $"{moment[..8]}/{Region}/{service}/aws4_request";
        var key = Encoding.UTF8.GetBytes("AWS4" + Secret);
        foreach (var part in scope.Split('/'))
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        var signature = Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(
            $"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}")));
        request.Headers.TryAddWithoutValidation(
            "Authorization", $"AWS4-HMAC-SHA256 Credential={KeyId}/{scope}, SignedHeaders={string.Join(';', signed.Keys)}, Signature={signature}");
        foreach (var (name, value) in signed.Where(h => h.Key != "host"))
            request.Headers.TryAddWithoutValidation(name, value);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            if (contentType is not null)
                request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        Spoil?.Invoke(request);
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        var json = text.StartsWith('{') ? JsonNode.Parse(text)! : new JsonObject();
        var error = response.Headers.TryGetValues("x-amzn-ErrorType", out var types) ? types.First() : json["__type"]?.ToString().Split('#')[^1];
        return new SignedAnswer((int)response.StatusCode, error, json, text);
    }

    public void Dispose() => _http.Dispose();

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}

internal sealed record SignedAnswer(int Status, string? Error, JsonNode Json, string Text);
