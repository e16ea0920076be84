using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.S3;

public sealed class S3Tests(LocalCloudProcess cloud) : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("local-cloud-s3-").FullName;
    private readonly string _bucket = $"bucket-{Guid.NewGuid():N}";

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task An_object_is_put_described_got_listed_and_deleted()
    {
        await Api("create-bucket", "--bucket", _bucket);
        await Api("head-bucket", "--bucket", _bucket);
        var put = await Api("put-object", "--bucket", _bucket, "--key", "components/a b/1.0.0/ü.zip", "--body", Make("x", "content"), "--content-type", "application/zip", "--metadata", "owner=fleet");
        var head = await Api("head-object", "--bucket", _bucket, "--key", "components/a b/1.0.0/ü.zip");
        Assert.Equal((put["ETag"]!.ToString(), "application/zip", 7, "fleet"), (head["ETag"]!.ToString(), head["ContentType"]!.ToString(), head["ContentLength"]!.GetValue<int>(), head["Metadata"]!["owner"]!.ToString()));
        var copy = Path.Combine(_directory, "copy");
        var part = await Api("get-object", "--bucket", _bucket, "--key", "components/a b/1.0.0/ü.zip", "--range", "bytes=3-", copy);
        Assert.Equal(("bytes 3-6/7", "tent"), (part["ContentRange"]!.ToString(), await File.ReadAllTextAsync(copy)));
        await Api("put-object", "--bucket", _bucket, "--key", "components/b", "--body", Make("y", ""));
        await Api("put-object", "--bucket", _bucket, "--key", "other", "--body", Make("z", "z"));

        var listed = await Api("list-objects-v2", "--bucket", _bucket, "--prefix", "components/", "--delimiter", "/");
        Assert.Equal("components/b", listed["Contents"]!.AsArray().Single()!["Key"]!.ToString());
        Assert.Equal("components/a b/", listed["CommonPrefixes"]!.AsArray().Single()!["Prefix"]!.ToString());
        // The CLI goes through the pages by itself.
        var paged = await Api("list-objects-v2", "--bucket", _bucket, "--page-size", "1");
        Assert.Equal(["components/a b/1.0.0/ü.zip", "components/b", "other"], paged["Contents"]!.AsArray().Select(o => o!["Key"]!.ToString()));
        Assert.Equal("BucketNotEmpty", await Refused("delete-bucket", "--bucket", _bucket));
        foreach (var key in (string[])["components/a b/1.0.0/ü.zip", "components/b", "other"])
            await Api("delete-object", "--bucket", _bucket, "--key", key);
        await Api("delete-bucket", "--bucket", _bucket);
        Assert.Equal("NoSuchBucket", await Refused("list-objects-v2", "--bucket", _bucket));
    }

    [Fact]
    public async Task A_large_file_goes_up_in_parts_and_comes_down_in_ranges()
    {
        var content = RandomNumberGenerator.GetBytes(20 * 1024 * 1024);
        var (file, copy) = (Path.Combine(_directory, "large"), Path.Combine(_directory, "copy"));
        await File.WriteAllBytesAsync(file, content);
        await cloud.Aws.RunTextAsync("s3", "mb", $"s3://{_bucket}");
        await cloud.Aws.RunTextAsync("s3", "cp", file, $"s3://{_bucket}/large", "--no-progress");
        // The one before must not take the body of the other's answers.
        await Api("get-object", "--bucket", _bucket, "--key", "large", "--range", "bytes=0-0", copy);
        await cloud.Aws.RunTextAsync("s3", "cp", $"s3://{_bucket}/large", copy, "--no-progress");
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await File.ReadAllBytesAsync(copy)));
        Assert.EndsWith("-3\"", (await Api("head-object", "--bucket", _bucket, "--key", "large"))["ETag"]!.ToString(), StringComparison.Ordinal);
        Assert.Contains("large", await cloud.Aws.RunTextAsync("s3", "ls", $"s3://{_bucket}"), StringComparison.Ordinal);
        Assert.Contains(_bucket, (await Api("list-buckets"))["Buckets"]!.AsArray().Select(b => b!["Name"]!.ToString()));
        await cloud.Aws.RunTextAsync("s3", "rb", "--force", $"s3://{_bucket}");
    }

    [Fact]
    public async Task What_S3_refuses_is_refused()
    {
        await Api("create-bucket", "--bucket", _bucket);
        // In us-east-1, and only there, the owner may make it again.
        await Api("create-bucket", "--bucket", _bucket);
        Assert.Equal("NoSuchKey", await Refused("get-object", "--bucket", _bucket, "--key", "none", "/dev/null"));
        Assert.Equal("404", await Refused("head-object", "--bucket", _bucket, "--key", "none"));
        Assert.Equal("404", await Refused("head-bucket", "--bucket", "none-" + _bucket[7..]));
        Assert.Equal("NoSuchBucket", await Refused("put-object", "--bucket", "none-" + _bucket[7..], "--key", "x"));
        Assert.Equal("NoSuchUpload", await Refused("upload-part", "--bucket", _bucket, "--key", "x", "--upload-id", "none", "--part-number", "1"));
        Assert.Equal("NoSuchUpload", await Refused("complete-multipart-upload", "--bucket", _bucket, "--key", "x", "--upload-id", "none"));
        var upload = (await Api("create-multipart-upload", "--bucket", _bucket, "--key", "x"))["UploadId"]!.ToString();
        Assert.Equal("InvalidPart", await Refused(
            "complete-multipart-upload", "--bucket", _bucket, "--key", "x", "--upload-id", upload, "--multipart-upload", """{"Parts":[{"PartNumber":1,"ETag":"x"}]}"""));
        Assert.Equal("BadDigest", await Refused("put-object", "--bucket", _bucket, "--key", "x", "--body", Make("x", "x"), "--content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="));
        await Api("put-object", "--bucket", _bucket, "--key", "x", "--body", Make("x", "x"));
        Assert.Equal("InvalidRange", await Refused("get-object", "--bucket", _bucket, "--key", "x", "--range", "bytes=9-", "/dev/null"));
        using var api = new SignedHttp(cloud.Api);
        Assert.Contains("<Code>InvalidBucketName</Code>", (await api.SendAsync("s3", "PUT", "/UPPER")).Text, StringComparison.Ordinal);
        using var wrong = new SignedHttp(cloud.Api) { Secret = "other" };
        var refused = await wrong.SendAsync("s3", "GET", "/" + _bucket);
        Assert.Equal(403, refused.Status);
        Assert.Contains("<Code>SignatureDoesNotMatch</Code>", refused.Text, StringComparison.Ordinal);
    }

    /// <summary>Over plain HTTP the SDK signs each chunk of the body on from the one before.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public async Task The_SDK_for_dotnet_sends_signed_chunks(bool chunked, bool checksum)
    {
        using var s3 = new AmazonS3Client(new BasicAWSCredentials("test", "test"), new AmazonS3Config
        {
            ServiceURL = cloud.Api, AuthenticationRegion = "us-east-1", ForcePathStyle = true, MaxErrorRetry = 0,
            RequestChecksumCalculation = checksum ? RequestChecksumCalculation.WHEN_SUPPORTED : RequestChecksumCalculation.WHEN_REQUIRED,
        });
        await s3.PutBucketAsync(_bucket);
        var content = RandomNumberGenerator.GetBytes(300_000);
        await s3.PutObjectAsync(new PutObjectRequest { BucketName = _bucket, Key = "chunked", InputStream = new MemoryStream(content), UseChunkEncoding = chunked });
        using var got = await s3.GetObjectAsync(_bucket, "chunked");
        using var read = new MemoryStream();
        await got.ResponseStream.CopyToAsync(read);
        Assert.True(content.AsSpan().SequenceEqual(read.ToArray()));
        Assert.Equal("NoSuchKey", (await Assert.ThrowsAnyAsync<AmazonS3Exception>(() => s3.GetObjectAsync(_bucket, "none"))).ErrorCode);
    }

    private string Make(string name, string content)
    {
        var file = Path.Combine(_directory, name);
        File.WriteAllText(file, content);
        return file;
    }

    private Task<JsonNode> Api(params string[] arguments) => cloud.Aws.RunAsync(["s3api", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["s3api", .. arguments]);
}
