using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.S3;

/// <summary>Objects: put whole or in parts, got whole or by range, deleted.</summary>
internal sealed partial class ObjectOperations(BucketStore store)
{
    private static readonly XNamespace Space = BucketOperations.Space;
    private static readonly string[] KeptHeaders = ["content-type", "content-encoding", "content-disposition", "content-language", "cache-control"];

    public IEnumerable<ApiOperation> All =>
    [
        Operation("PutObject", "PUT", Put),
        Operation("GetObject", "GET", Get),
        Operation("HeadObject", "HEAD", Get),
        Operation("DeleteObject", "DELETE", Delete),
        // POST is the two ends of an upload in parts; its parts are PUTs.
        Operation("CompleteMultipartUpload", "POST", Parted),
    ];

    private ApiOperation Operation(string name, string method, Func<ApiRequest, ApiResponse> answer) =>
        new("s3", name, method, "/{Bucket}/{Key+}", (request, _) =>
        {
            lock (store.Gate)
                return ValueTask.FromResult(answer(request));
        });

    private ApiResponse Put(ApiRequest request)
    {
        var bucket = store.Find(request.Labels["Bucket"]);
        var key = Key(request);
        if (request.Headers.ContainsKey("x-amz-copy-source"))
            throw new ApiException(405, "MethodNotAllowed", "This cloud does not copy objects.");
        var content = request.Body.ToArray();
        if (request.Headers.GetValueOrDefault("content-md5") is { } digest && digest != Convert.ToBase64String(StoredObject.Md5(content)))
            throw new ApiException(400, "BadDigest", "The Content-MD5 you specified did not match what we received.");
        var tag = StoredObject.Tag(content);
        if (request.Query["uploadId"].FirstOrDefault() is { } id)
        {
            var upload = Upload(bucket, id, key);
            if (!int.TryParse(request.Query["partNumber"].FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number is < 1 or > 10_000)
                throw new ApiException(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive");
            upload.Parts[number] = content;
        }
        else
        {
            bucket.Objects[key] = new StoredObject(content, tag, Kept(request), store.Now);
        }

        return new ApiResponse(Raw: ReadOnlyMemory<byte>.Empty, Headers: new Dictionary<string, string> { ["ETag"] = tag });
    }

    private ApiResponse Get(ApiRequest request)
    {
        var found = store.Find(request.Labels["Bucket"], Key(request));
        var headers = new Dictionary<string, string>(found.Headers, StringComparer.OrdinalIgnoreCase)
        {
            ["ETag"] = found.ETag,
            ["Last-Modified"] = found.Modified.UtcDateTime.ToString("r", CultureInfo.InvariantCulture),
            ["Accept-Ranges"] = "bytes",
        };
        var type = found.Headers.GetValueOrDefault("content-type", "binary/octet-stream");
        headers.Remove("content-type");
        if (request.Headers.GetValueOrDefault("range") is not { } asked || !Range().IsMatch(asked))
            return new ApiResponse(Raw: found.Content, ContentType: type, Headers: headers);
        var length = found.Content.Length;
        if (Bounds(Range().Match(asked), length) is not var (first, last))
            throw new ApiException(416, "InvalidRange", "The requested range is not satisfiable");
        headers["Content-Range"] = $"bytes {first}-{last}/{length}";
        return new ApiResponse(206, Raw: found.Content[first..(last + 1)], ContentType: type, Headers: headers);
    }

    private ApiResponse Delete(ApiRequest request)
    {
        var bucket = store.Find(request.Labels["Bucket"]);
        if (request.Query["uploadId"].FirstOrDefault() is { } id)
            bucket.Uploads.Remove(Upload(bucket, id, Key(request)) is not null ? id : "");
        else
            bucket.Objects.Remove(Key(request));
        return new ApiResponse(204);
    }

    private ApiResponse Parted(ApiRequest request)
    {
        var bucket = store.Find(request.Labels["Bucket"]);
        var key = Key(request);
        if (request.Query.Contains("uploads"))
        {
            var started = Guid.NewGuid().ToString("N");
            bucket.Uploads[started] = new PartedUpload(key, Kept(request));
            return BucketOperations.Xml(new XElement(Space + "InitiateMultipartUploadResult",
                new XElement(Space + "Bucket", bucket.Name), new XElement(Space + "Key", ResponseWriter.XmlText(key)), new XElement(Space + "UploadId", started)));
        }

        var id = request.Query["uploadId"].FirstOrDefault()
            ?? throw new ApiException(405, "MethodNotAllowed", "The specified method is not allowed against this resource.");
        var upload = Upload(bucket, id, key);
        var numbers = PartNumber().Matches(Encoding.UTF8.GetString(request.Body.Span)).Select(m => int.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();
        if (numbers.Count == 0)
            throw new ApiException(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
        if (numbers.Any(n => !upload.Parts.ContainsKey(n)))
            throw new ApiException(400, "InvalidPart", "One or more of the specified parts could not be found.");
        byte[] content = [.. numbers.SelectMany(n => upload.Parts[n])];
        var digests = numbers.SelectMany(n => StoredObject.Md5(upload.Parts[n])).ToArray();
        var tag = $"\"{Convert.ToHexStringLower(StoredObject.Md5(digests))}-{numbers.Count}\"";
        bucket.Objects[key] = new StoredObject(content, tag, upload.Headers, store.Now);
        bucket.Uploads.Remove(id);
        return BucketOperations.Xml(new XElement(Space + "CompleteMultipartUploadResult",
            new XElement(Space + "Bucket", bucket.Name), new XElement(Space + "Key", ResponseWriter.XmlText(key)), new XElement(Space + "ETag", tag)));
    }

    private static PartedUpload Upload(Bucket bucket, string id, string key) => bucket.Uploads.TryGetValue(id, out var upload) && upload.Key == key
        ? upload
        : throw new ApiException(404, "NoSuchUpload", "The specified upload does not exist.");

    private static string Key(ApiRequest request) => Encoding.UTF8.GetByteCount(request.Labels["Key"]) <= 1024
        ? request.Labels["Key"]
        : throw new ApiException(400, "KeyTooLongError", "Your key is too long");

    private static Dictionary<string, string> Kept(ApiRequest request) => request.Headers
        .Where(h => KeptHeaders.Contains(h.Key) || h.Key.StartsWith("x-amz-meta-", StringComparison.Ordinal))
        .Where(h => h.Key != "content-encoding" || h.Value != "aws-chunked")
        .Where(h => h.Value.All(char.IsAscii))
        .ToDictionary(StringComparer.Ordinal);

    private static (int First, int Last)? Bounds(Match range, int length)
    {
        var (from, to) = (range.Groups["from"].Value, range.Groups["to"].Value);
        var end = to.Length == 0 || !int.TryParse(to, NumberStyles.None, CultureInfo.InvariantCulture, out var given) ? int.MaxValue - 1 : given;
        // bytes=-5 are the last five.
        var (first, last) = from.Length == 0 ? (Math.Max(0, length - end), length - 1)
            : (int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out var start) ? start : int.MaxValue, Math.Min(end, length - 1));
        return first <= last && first < length ? (first, last) : null;
    }

    [GeneratedRegex(@"\Abytes=(?:(?<from>[0-9]+)-(?<to>[0-9]*)|(?<from>)-(?<to>[0-9]+))\z")]
    private static partial Regex Range();

    [GeneratedRegex("<PartNumber>([0-9]{1,5})</PartNumber>")]
    private static partial Regex PartNumber();
}
