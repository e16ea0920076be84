using Amazon.S3;
using Amazon.S3.Model;

namespace Keyturn.Cli.Components;

/// <summary>The S3 bucket that core devices download the component from.</summary>
internal sealed class ArtifactBucket(string name) : IDisposable
{
    // Path style under a custom endpoint, whose host has no names of buckets below it.
    private readonly AmazonS3Client _s3 = new(new AmazonS3Config
    {
        ForcePathStyle = Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL") is not null || Environment.GetEnvironmentVariable("AWS_ENDPOINT_URL_S3") is not null,
    });

    /// <summary>By S3's rules; another name would fail as a wrong signature or a wrong host.</summary>
    public static bool CanBeNamed(string name) =>
        name.Length is >= 3 and <= 63 && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.');

    public async Task UploadAsync(string key, string file, string untouched, CancellationToken stop)
    {
        try
        {
            await AwsFaults.ExplainAsync($"s3:PutObject on arn:aws:s3:::{name}/{key}", untouched, async () =>
            {
                await using var content = File.OpenRead(file);
                return await _s3.PutObjectAsync(new PutObjectRequest { BucketName = name, Key = key, InputStream = content, ContentType = "application/zip" }, stop);
            });
        }
        catch (AmazonS3Exception error) when (error.StatusCode == System.Net.HttpStatusCode.NotFound)
        {
            throw new UserException($"there is no bucket {name} ({error.ErrorCode}). {untouched} Make it ('aws s3 mb s3://{name}'), or name another with --bucket.", error);
        }
    }

    public void Dispose() => _s3.Dispose();
}
