using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Amazon.Runtime;
using Amazon.Runtime.Internal.Auth;
using Amazon.Util;

namespace Keyturn.LocalCore.Provisioning;

/// <summary>AWS IoT said no. The message is AWS's own.</summary>
internal sealed class AwsApiException(string operation, int status, string? code, string message)
    : Exception($"{operation} was refused: {code ?? $"HTTP {status}"}: {message}")
{
    public string? Code { get; } = code;
}

/// <summary>The control plane of AWS IoT as signed REST-JSON requests: there is no SDK package of it at hand.</summary>
internal sealed partial class AwsApi(Uri endpoint, string region, HttpClient http, TimeProvider time)
{
    public Task<JsonObject> CallAsync(string operation, HttpMethod method, string path, JsonObject? body = null,
        (string Name, string Value)? query = null, (string Name, string Value)? header = null, CancellationToken cancellation = default) =>
        CallAsync(operation, method, path, body is null ? "" : body.ToJsonString(), query, header, cancellation);

    public async Task<string> GetTextAsync(string path, CancellationToken cancellation)
    {
        using var response = await http.GetAsync(new Uri(endpoint, path), cancellation).ConfigureAwait(false);
        var text = await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
        return response.IsSuccessStatusCode ? text : throw new AwsApiException("GET " + path, (int)response.StatusCode, null, text.Trim());
    }

    /// <summary>An action of IAM, whose answers are XML and are not looked at.</summary>
    public Task IamAsync(string action, CancellationToken cancellation, params (string Name, string Value)[] members)
    {
        var form = string.Join('&', members.Prepend(("Version", "2010-05-08")).Prepend(("Action", action)).Select(m => $"{m.Item1}={Uri.EscapeDataString(m.Item2)}"));
        return CallAsync(action, HttpMethod.Post, "", form, null, null, cancellation, "iam", "application/x-www-form-urlencoded");
    }

    private async Task<JsonObject> CallAsync(string operation, HttpMethod method, string path, string body,
        (string Name, string Value)? query, (string Name, string Value)? header, CancellationToken cancellation, string service = "iot", string type = "application/json")
    {
        var canonicalQuery = query is { } q ? $"{Uri.EscapeDataString(q.Name)}={Uri.EscapeDataString(q.Value)}" : "";
        var uri = new Uri(endpoint, path + (canonicalQuery.Length > 0 ? "?" + canonicalQuery : ""));
        using var request = new HttpRequestMessage(method, uri) { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue(type);
        if (header is { } extra)
            request.Headers.Add(extra.Name, extra.Value);
        Sign(request, uri, canonicalQuery, body, header, service);

        using var response = await http.SendAsync(request, cancellation).ConfigureAwait(false);
        var text = await response.Content.ReadAsStringAsync(cancellation).ConfigureAwait(false);
        var json = Parse(text);
        if (response.IsSuccessStatusCode)
            return json ?? [];
        var code = response.Headers.TryGetValues("x-amzn-ErrorType", out var types) ? types.First().Split(':')[0]
            : json?["code"]?.ToString() ?? (ErrorCode().Match(text) is { Success: true } found ? found.Groups[1].Value : null);
        throw new AwsApiException(operation, (int)response.StatusCode, code, json?["message"]?.ToString() ?? json?["Message"]?.ToString() ?? text.Trim());
    }

    /// <summary>Signature version 4; the key is derived by the SDK.</summary>
    private void Sign(HttpRequestMessage request, Uri uri, string canonicalQuery, string body, (string Name, string Value)? header, string service)
    {
        var credentials = Credentials();
        var at = time.GetUtcNow().UtcDateTime;
        var stamp = at.ToString(AWSSDKUtils.ISO8601BasicDateTimeFormat, System.Globalization.CultureInfo.InvariantCulture);
        var bodyHash = Hex(SHA256.HashData(Encoding.UTF8.GetBytes(body)));
        SortedDictionary<string, string> signed = new(StringComparer.Ordinal)
        {
            ["host"] = uri.Authority,
            ["x-amz-content-sha256"] = bodyHash,
            ["x-amz-date"] = stamp,
        };
        if (header is { } extra)
            signed[extra.Name.ToLowerInvariant()] = extra.Value;
        if (credentials.UseToken)
            signed["x-amz-security-token"] = credentials.Token;
        foreach (var (name, value) in signed.Where(s => s.Key.StartsWith("x-amz-", StringComparison.Ordinal)))
            request.Headers.TryAddWithoutValidation(name, value);

        var names = string.Join(';', signed.Keys);
        // The path is encoded once on the wire and once more for the signature.
        var canonicalPath = string.Join('/', uri.AbsolutePath.Split('/').Select(Uri.EscapeDataString));
        var canonical = string.Join('\n', request.Method.Method, canonicalPath, canonicalQuery,
            string.Concat(signed.Select(s => $"{s.Key}:{s.Value}\n")), names, bodyHash);
        var scope = $"{stamp[..8]}/{region}/{service}/aws4_request";
        var toSign = $"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var key = AWS4Signer.ComposeSigningKey(credentials.SecretKey, region, stamp[..8], service);
        var signature = Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
        request.Headers.TryAddWithoutValidation("Authorization",
            $"AWS4-HMAC-SHA256 Credential={credentials.AccessKey}/{scope}, SignedHeaders={names}, Signature={signature}");
    }

    /// <summary>What the environment names; the stand-in's own key when it names none.</summary>
    private static ImmutableCredentials Credentials()
    {
        var id = Environment.GetEnvironmentVariable("AWS_ACCESS_KEY_ID");
        var secret = Environment.GetEnvironmentVariable("AWS_SECRET_ACCESS_KEY");
        return string.IsNullOrEmpty(id) || string.IsNullOrEmpty(secret)
            ? new("test", "test", null)
            : new(id, secret, Environment.GetEnvironmentVariable("AWS_SESSION_TOKEN"));
    }

    private static JsonObject? Parse(string text)
    {
        try
        {
            return text.Length == 0 ? null : JsonNode.Parse(text) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    [GeneratedRegex("<Code>([A-Za-z]+)</Code>")]
    private static partial Regex ErrorCode();

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
