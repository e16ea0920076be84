using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.S3;

/// <summary>Buckets, by path. https://docs.aws.amazon.com/AmazonS3/latest/API/</summary>
internal sealed partial class BucketOperations(BucketStore store)
{
    public static readonly XNamespace Space = "http://s3.amazonaws.com/doc/2006-03-01/";

    public IEnumerable<ApiOperation> All =>
    [
        Operation("ListBuckets", "GET", "/", _ => ListBuckets()),
        Operation("CreateBucket", "PUT", "/{Bucket}", Create),
        Operation("HeadBucket", "HEAD", "/{Bucket}", Head),
        Operation("DeleteBucket", "DELETE", "/{Bucket}", Delete),
        // One path, told apart by the query string as on S3.
        Operation("ListObjectsV2", "GET", "/{Bucket}", List),
    ];

    public static ApiResponse Xml(XElement root) =>
        new(Raw: Encoding.UTF8.GetBytes("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + root.ToString(SaveOptions.DisableFormatting)), ContentType: "application/xml");

    public static string Time(DateTimeOffset moment) => moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

    private ApiOperation Operation(string name, string method, string path, Func<ApiRequest, ApiResponse> answer) => new("s3", name, method, path, (request, _) =>
    {
        lock (store.Gate)
            return ValueTask.FromResult(answer(request));
    });

    private ApiResponse ListBuckets() => Xml(new XElement(Space + "ListAllMyBucketsResult",
        new XElement(Space + "Owner", new XElement(Space + "ID", CloudAccount.Local.Id)),
        new XElement(Space + "Buckets", store.Buckets.Values.Select(b => new XElement(Space + "Bucket",
            new XElement(Space + "Name", b.Name), new XElement(Space + "CreationDate", Time(b.Created)))))));

    private ApiResponse Create(ApiRequest request)
    {
        var name = request.Labels["Bucket"];
        if (request.Query.Count > 0)
            throw Unsupported(request);
        if (!BucketName().IsMatch(name) || name.Contains("..", StringComparison.Ordinal) || Address().IsMatch(name))
            throw new ApiException(400, "InvalidBucketName", "The specified bucket is not valid.");
        if (Encoding.UTF8.GetString(request.Body.Span) is { Length: > 0 } body && body.Contains("<LocationConstraint>", StringComparison.Ordinal))
            throw new ApiException(400, "InvalidLocationConstraint", "The specified location-constraint is not valid: us-east-1 takes none.");
        // us-east-1 answers the owner's second attempt as it did the first.
        store.Buckets.TryAdd(name, new Bucket(name, store.Now));
        return new ApiResponse(Raw: ReadOnlyMemory<byte>.Empty, Headers: new Dictionary<string, string> { ["Location"] = "/" + name });
    }

    private ApiResponse Head(ApiRequest request)
    {
        store.Find(request.Labels["Bucket"]);
        return new ApiResponse(
            Raw: ReadOnlyMemory<byte>.Empty, ContentType: "application/xml",
            Headers: new Dictionary<string, string> { ["x-amz-bucket-region"] = CloudAccount.Local.Region });
    }

    private ApiResponse Delete(ApiRequest request)
    {
        if (request.Query.Count > 0)
            throw Unsupported(request);
        var bucket = store.Find(request.Labels["Bucket"]);
        if (bucket.Objects.Count > 0)
            throw new ApiException(409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
        store.Buckets.Remove(bucket.Name);
        return new ApiResponse(204);
    }

    private ApiResponse List(ApiRequest request)
    {
        var bucket = store.Find(request.Labels["Bucket"]);
        if (request.Query.Contains("location"))
            return Xml(new XElement(Space + "LocationConstraint"));
        if (request.Query["list-type"].FirstOrDefault() != "2")
            throw Unsupported(request);
        var prefix = request.Query["prefix"].FirstOrDefault() ?? "";
        var delimiter = request.Query["delimiter"].FirstOrDefault() ?? "";
        if (!int.TryParse(request.Query["max-keys"].FirstOrDefault() ?? "1000", NumberStyles.None, CultureInfo.InvariantCulture, out var most))
            throw new ApiException(400, "InvalidArgument", "Provided max-keys not an integer or within integer range");
        var after = request.Query["continuation-token"].FirstOrDefault() is { } token ? Decode(token) : request.Query["start-after"].FirstOrDefault() ?? "";
        var entries = bucket.Objects.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal))
            .Select(o => (Name: Rolled(o.Key, prefix, delimiter), o.Key, Object: o.Value))
            .DistinctBy(e => e.Name).Where(e => string.CompareOrdinal(e.Name, after) > 0).ToList();
        var page = entries.Take(Math.Min(most, 1000)).ToList();
        var cut = page.Count < entries.Count;
        var encode = request.Query["encoding-type"].FirstOrDefault() == "url";
        return Xml(new XElement(Space + "ListBucketResult",
            new XElement(Space + "Name", bucket.Name), new XElement(Space + "Prefix", Shown(prefix)), new XElement(Space + "MaxKeys", most),
            new XElement(Space + "KeyCount", page.Count), new XElement(Space + "IsTruncated", cut ? "true" : "false"),
            encode ? new XElement(Space + "EncodingType", "url") : null,
            cut && page.Count > 0 ? new XElement(Space + "NextContinuationToken", Convert.ToBase64String(Encoding.UTF8.GetBytes(page[^1].Name))) : null,
            page.Where(e => e.Name == e.Key).Select(e => new XElement(Space + "Contents",
                new XElement(Space + "Key", Shown(e.Key)), new XElement(Space + "LastModified", Time(e.Object.Modified)), new XElement(Space + "ETag", e.Object.ETag),
                new XElement(Space + "Size", e.Object.Content.Length), new XElement(Space + "StorageClass", "STANDARD"))),
            page.Where(e => e.Name != e.Key).Select(e => new XElement(Space + "CommonPrefixes", new XElement(Space + "Prefix", Shown(e.Name))))));

        string Shown(string key) => encode ? Uri.EscapeDataString(key).Replace("%2F", "/", StringComparison.Ordinal) : ResponseWriter.XmlText(key);
    }

    /// <summary>The key, or what it has up to the delimiter after the prefix.</summary>
    private static string Rolled(string key, string prefix, string delimiter)
    {
        var end = delimiter.Length == 0 ? -1 : key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal);
        return end < 0 ? key : key[..(end + delimiter.Length)];
    }

    private static string Decode(string token) => System.Buffers.Text.Base64.IsValid(token)
        ? Encoding.UTF8.GetString(Convert.FromBase64String(token))
        : throw new ApiException(400, "InvalidArgument", "The continuation token provided is incorrect");

    private static ApiException Unsupported(ApiRequest request) =>
        new(405, "MethodNotAllowed", $"This cloud does not offer {request.Operation.Method} of a bucket with these parameters: {string.Join(", ", request.Query.Select(q => q.Key))}.");

    [GeneratedRegex(@"\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\z")]
    private static partial Regex BucketName();

    [GeneratedRegex(@"\A[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\z")]
    private static partial Regex Address();
}
