using System.Text;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// The text that SigV4 signs.
/// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
/// </summary>
internal static class CanonicalRequest
{
    public static string Build(
        string method, string canonicalPath, string rawQuery, IReadOnlyDictionary<string, string> headers,
        IReadOnlyList<string> signedHeaders, string payloadHash)
    {
        var text = new StringBuilder();
        text.Append(method).Append('\n').Append(canonicalPath).Append('\n').Append(Query(rawQuery)).Append('\n');
        foreach (var name in signedHeaders)
            text.Append(name).Append(':').Append(Squeeze(headers.GetValueOrDefault(name, ""))).Append('\n');
        return text.Append('\n').AppendJoin(';', signedHeaders).Append('\n').Append(payloadHash).ToString();
    }

    /// <summary>Every service but S3 encodes the path a second time, after removing dot segments.</summary>
    public static string Path(string rawPath)
    {
        var kept = new List<string>();
        foreach (var segment in rawPath.Split('/'))
        {
            if (segment is "" or ".")
                continue;
            if (segment != "..")
                kept.Add(Encode(segment));
            else if (kept.Count > 0)
                kept.RemoveAt(kept.Count - 1);
        }

        var path = "/" + string.Join('/', kept);
        return kept.Count > 0 && rawPath.EndsWith('/') ? path + "/" : path;
    }

    /// <summary>S3's keys may hold anything, dots and doubled slashes as well: each segment is encoded once.</summary>
    public static string PathOfS3(string rawPath) => string.Join('/', rawPath.Split('/').Select(s => Encode(Uri.UnescapeDataString(s))));

    private static string Query(string rawQuery)
    {
        var pairs = rawQuery.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair =>
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = equals < 0 ? (pair, "") : (pair[..equals], pair[(equals + 1)..]);
            return (Name: Encode(Uri.UnescapeDataString(name)), Value: Encode(Uri.UnescapeDataString(value)));
        });
        return string.Join('&', pairs.OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Value, StringComparer.Ordinal)
            .Select(p => $"{p.Name}={p.Value}"));
    }

    private static string Encode(string text)
    {
        var encoded = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~')
                encoded.Append((char)b);
            else
                encoded.Append('%').Append(b.ToString("X2", null));
        }

        return encoded.ToString();
    }

    private static string Squeeze(string value) => string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
