using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.Bench;

/// <summary>Signed calls of the local cloud's APIs, with no SDK in the measurement.</summary>
internal sealed class SignedApi(string endpoint) : IDisposable
{
    private readonly HttpClient http = new();

    public async Task<JsonNode> CallAsync(string service, string method, string path, string body = "", string query = "", params (string Name, string Value)[] headers)
    {
        var now = DateTime.UtcNow.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);
        var payload = Encoding.UTF8.GetBytes(body);
        var signed = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["host"] = new Uri(endpoint).Authority, ["x-amz-date"] = now };
        foreach (var (name, value) in headers)
            signed[name] = value;
        var names = string.Join(';', signed.Keys);
        var canonical = string.Join('\n',
            method, string.Join('/', path.Split('/').Select(Uri.EscapeDataString)), query,
            string.Concat(signed.Select(h => $"{h.Key}:{h.Value}\n")), names, Hex(SHA256.HashData(payload)));
        var scope = $"{now[..8]}/us-east-1/{service}/aws4_request";
        var key = scope.Split('/').Aggregate("AWS4test"u8.ToArray(), (k, part) => HMACSHA256.HashData(k, Encoding.UTF8.GetBytes(part)));
        var signature = Hex(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(
            $"AWS4-HMAC-SHA256\n{now}\n{scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}")));
        using var request = new HttpRequestMessage(new HttpMethod(method), endpoint + path + (query.Length > 0 ? "?" + query : ""));
        foreach (var (name, value) in signed.Where(h => h.Key != "host"))
            request.Headers.TryAddWithoutValidation(name, value);
        request.Headers.TryAddWithoutValidation("Authorization", $"AWS4-HMAC-SHA256 Credential=test/{scope}, SignedHeaders={names}, Signature={signature}");
        if (payload.Length > 0)
            request.Content = new ByteArrayContent(payload);
        using var response = await http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode
            ? JsonNode.Parse(text.Length > 0 ? text : "{}")!
            : throw new InvalidOperationException($"{method} {path}: {(int)response.StatusCode} {text}");
    }

    public void Dispose() => http.Dispose();

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
