using System.Diagnostics.CodeAnalysis;

namespace Keyturn.LocalCloud.Api;

/// <summary>An <c>Authorization: AWS4-HMAC-SHA256 …</c> header, taken apart.</summary>
internal sealed record SignatureHeader(
    string AccessKeyId, string Date, string Region, string Service, IReadOnlyList<string> SignedHeaders, string Signature)
{
    public const string Algorithm = "AWS4-HMAC-SHA256";

    public string Scope => $"{Date}/{Region}/{Service}/aws4_request";

    public static bool TryParse(string header, [NotNullWhen(true)] out SignatureHeader? parsed, out string problem)
    {
        parsed = null;
        if (!header.StartsWith(Algorithm + " ", StringComparison.Ordinal))
        {
            problem = $"Authorization header requires the algorithm {Algorithm}.";
            return false;
        }

        var parts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var part in header[(Algorithm.Length + 1)..].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                problem = "Authorization header has a part that is not key=value.";
                return false;
            }

            parts[part[..equals]] = part[(equals + 1)..];
        }

        foreach (var needed in (string[])["Credential", "SignedHeaders", "Signature"])
        {
            if (!parts.ContainsKey(needed))
            {
                problem = $"Authorization header requires '{needed}' parameter.";
                return false;
            }
        }

        // The key id may hold slashes; the scope is the last four segments.
        var credential = parts["Credential"].Split('/');
        if (credential.Length < 5 || credential[^1] != "aws4_request")
        {
            problem = "Credential must have at least 5 slash-delimited elements, e.g. keyid/date/region/service/aws4_request.";
            return false;
        }

        problem = "";
        parsed = new SignatureHeader(
            string.Join('/', credential[..^4]), credential[^4], credential[^3], credential[^2],
            parts["SignedHeaders"].Split(';'), parts["Signature"]);
        return true;
    }
}
