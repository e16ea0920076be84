using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Keyturn.LocalCloud.Api;

/// <summary>
/// Bodies of S3 that come in chunks, each signed on from the one before, or unsigned with a trailer.
/// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
/// </summary>
/// <param name="key">The signing key of the request's scope.</param>
internal sealed class ChunkedBody(byte[] key, string moment, string scope, string seed)
{
    public const string Signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    public const string SignedWithTrailer = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
    public const string UnsignedWithTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

    private static readonly string EmptyHash = Convert.ToHexStringLower(SHA256.HashData([]));

    private string _last = seed;

    public static bool Is(string? contentHash) => contentHash is Signed or SignedWithTrailer or UnsignedWithTrailer;

    public byte[] Decode(string kind, ReadOnlySpan<byte> body)
    {
        using var whole = new MemoryStream();
        while (true)
        {
            var line = Line(ref body);
            var semicolon = line.IndexOf(';', StringComparison.Ordinal);
            if (!int.TryParse(semicolon < 0 ? line : line[..semicolon], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0 || size > body.Length)
                throw Incomplete();
            var data = body[..size];
            body = body[size..];
            if (kind != UnsignedWithTrailer)
                Check(line[(semicolon + 1)..], "chunk-signature=", $"AWS4-HMAC-SHA256-PAYLOAD\n{moment}\n{scope}\n{_last}\n{EmptyHash}\n{Convert.ToHexStringLower(SHA256.HashData(data))}");
            if (size == 0)
                break;
            if (Line(ref body).Length > 0)
                throw Incomplete();
            whole.Write(data);
        }

        Trailer(kind, body);
        return whole.ToArray();
    }

    private void Trailer(string kind, ReadOnlySpan<byte> body)
    {
        var trailer = new StringBuilder();
        while (body.Length > 0 && Line(ref body) is { Length: > 0 } line)
        {
            if (line.StartsWith("x-amz-trailer-signature:", StringComparison.Ordinal))
            {
                if (kind == SignedWithTrailer)
                    Check(line, "x-amz-trailer-signature:", $"AWS4-HMAC-SHA256-TRAILER\n{moment}\n{scope}\n{_last}\n{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(trailer.ToString())))}");
                return;
            }

            trailer.Append(line).Append('\n');
        }

        if (kind == SignedWithTrailer)
            throw Mismatch();
    }

    private void Check(string given, string prefix, string toSign)
    {
        var expected = Convert.ToHexStringLower(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(toSign)));
        if (!given.StartsWith(prefix, StringComparison.Ordinal) || given[prefix.Length..].Trim() != expected)
            throw Mismatch();
        _last = expected;
    }

    private static string Line(ref ReadOnlySpan<byte> body)
    {
        var end = body.IndexOf("\r\n"u8);
        if (end < 0)
            throw Incomplete();
        var line = Encoding.UTF8.GetString(body[..end]);
        body = body[(end + 2)..];
        return line;
    }

    private static ApiException Incomplete() => new(400, "IncompleteBody", "The request body terminated unexpectedly");

    private static SignatureException Mismatch() => new(
        SignatureProblem.Mismatch, "The request signature we calculated does not match the signature you provided. Check your key and signing method.");
}
