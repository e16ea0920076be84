using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Keyturn.LocalCloud.Api;

/// <summary>What of a request its signature depends on. Header names are lower-case.</summary>
internal sealed record SignedRequest(
    string Method, string RawPath, string RawQuery, IReadOnlyDictionary<string, string> Headers, ReadOnlyMemory<byte> Body);

/// <summary>Why a signature was refused; each protocol has a name of its own for it.</summary>
internal enum SignatureProblem
{
    Missing,
    Incomplete,
    UnknownKey,
    BadToken,
    Mismatch,
}

internal sealed class SignatureException(SignatureProblem problem, string message) : Exception(message)
{
    public SignatureProblem Problem { get; } = problem;
}

/// <summary>Checks SigV4 as AWS does: scope, date, signed headers, payload and signature.</summary>
internal sealed class SignatureVerifier(AccessKeys keys, string region, TimeProvider time)
{
    private const string TimeFormat = "yyyyMMdd'T'HHmmss'Z'";
    private const string UnsignedPayload = "UNSIGNED-PAYLOAD";
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(15);

    /// <summary>Throws <see cref="SignatureException"/> unless the request is properly signed by a known key.</summary>
    public AccessKey Verify(SignedRequest request, SignatureHeader header, string service)
    {
        var key = keys.Find(header.AccessKeyId)
            ?? throw new SignatureException(SignatureProblem.UnknownKey, "The security token included in the request is invalid.");
        CheckToken(request, key);
        var moment = CheckDate(request, header);
        if (header.Region != region)
            throw Mismatch($"Credential should be scoped to a valid region, not '{header.Region}'. ");
        if (header.Service != service)
            throw Mismatch($"Credential should be scoped to correct service: '{service}'. ");
        CheckSignedHeaders(request, header);

        var canonical = CanonicalRequest.Build(
            request.Method, service == "s3" ? CanonicalRequest.PathOfS3(request.RawPath) : CanonicalRequest.Path(request.RawPath), request.RawQuery,
            request.Headers, header.SignedHeaders, PayloadHash(request));
        var stringToSign = $"{SignatureHeader.Algorithm}\n{moment}\n{header.Scope}\n{Hex(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))}";
        var expected = Encoding.ASCII.GetBytes(Sign(key.Secret, header, stringToSign));
        if (!CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(header.Signature)))
        {
            throw Mismatch(
                "The request signature we calculated does not match the signature you provided. "
                + "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.");
        }

        return key;
    }

    private static void CheckToken(SignedRequest request, AccessKey key)
    {
        var token = request.Headers.GetValueOrDefault("x-amz-security-token");
        // A token beside a long-lived key is as invalid as a missing one beside a temporary key.
        if (token != key.SessionToken)
            throw new SignatureException(SignatureProblem.BadToken, "The security token included in the request is invalid.");
    }

    private string CheckDate(SignedRequest request, SignatureHeader header)
    {
        var given = request.Headers.GetValueOrDefault("x-amz-date") ?? FromDateHeader(request)
            ?? throw new SignatureException(
                SignatureProblem.Incomplete, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
        if (!DateTimeOffset.TryParseExact(given, TimeFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment))
            throw new SignatureException(SignatureProblem.Incomplete, $"Date must be in ISO-8601 'basic format'. Got '{given}'.");
        if (!given.StartsWith(header.Date, StringComparison.Ordinal))
            throw Mismatch($"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{header.Date}' != '{given}'.");
        var now = time.GetUtcNow();
        if (moment < now - Skew)
            throw Mismatch($"Signature expired: {given} is now earlier than {Basic(now - Skew)} ({Basic(now)} - 15 min.)");
        if (moment > now + Skew)
            throw Mismatch($"Signature not yet current: {given} is still later than {Basic(now + Skew)} ({Basic(now)} + 15 min.)");
        return given;
    }

    private static string? FromDateHeader(SignedRequest request) =>
        request.Headers.TryGetValue("date", out var date)
        && DateTimeOffset.TryParseExact(date, "r", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? Basic(moment)
            : null;

    private static void CheckSignedHeaders(SignedRequest request, SignatureHeader header)
    {
        if (!header.SignedHeaders.Contains("host"))
            throw Mismatch("'Host' must be a 'SignedHeader' in the AWS Authorization.");
        foreach (var name in request.Headers.Keys.Where(n => n.StartsWith("x-amz-", StringComparison.Ordinal)))
        {
            // The hash of the payload is covered by the payload line itself.
            if (name is not "x-amz-content-sha256" && !header.SignedHeaders.Contains(name))
                throw Mismatch($"'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        }

        if (header.SignedHeaders.FirstOrDefault(n => !request.Headers.ContainsKey(n)) is { } absent)
            throw Mismatch($"The signed header '{absent}' is not in the request.");
    }

    /// <summary>The body itself: S3's clients may send it in chunks that carry signatures of their own.</summary>
    public static ReadOnlyMemory<byte> Body(SignedRequest request, SignatureHeader header, AccessKey key)
    {
        var kind = request.Headers.GetValueOrDefault("x-amz-content-sha256");
        return header.Service == "s3" && ChunkedBody.Is(kind)
            ? new ChunkedBody(SigningKey(key.Secret, header), request.Headers.GetValueOrDefault("x-amz-date", ""), header.Scope, header.Signature).Decode(kind!, request.Body.Span)
            : request.Body;
    }

    private static string PayloadHash(SignedRequest request) => request.Headers.GetValueOrDefault("x-amz-content-sha256") switch
    {
        UnsignedPayload => UnsignedPayload,
        { } chunked when ChunkedBody.Is(chunked) => chunked,
        _ => Hex(SHA256.HashData(request.Body.Span)),
    };

    private static string Sign(string secret, SignatureHeader header, string stringToSign) =>
        Hex(HMACSHA256.HashData(SigningKey(secret, header), Encoding.UTF8.GetBytes(stringToSign)));

    private static byte[] SigningKey(string secret, SignatureHeader header)
    {
        var key = Encoding.UTF8.GetBytes("AWS4" + secret);
        foreach (var part in (string[])[header.Date, header.Region, header.Service, "aws4_request"])
            key = HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(part));
        return key;
    }

    private static SignatureException Mismatch(string message) => new(SignatureProblem.Mismatch, message);

    private static string Basic(DateTimeOffset moment) => moment.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);

    private static string Hex(byte[] bytes) => Convert.ToHexStringLower(bytes);
}
