using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.S3;

/// <summary>The buckets of the account.</summary>
internal sealed class BucketStore(TimeProvider time)
{
    public Lock Gate { get; } = new();

    public SortedDictionary<string, Bucket> Buckets { get; } = new(StringComparer.Ordinal);

    public DateTimeOffset Now => time.GetUtcNow();

    public Bucket Find(string name) => Buckets.GetValueOrDefault(name)
        ?? throw new ApiException(404, "NoSuchBucket", "The specified bucket does not exist");

    public StoredObject Find(string bucket, string key) => Find(bucket).Objects.GetValueOrDefault(key)
        ?? throw new ApiException(404, "NoSuchKey", "The specified key does not exist.");

    /// <returns>Null when there is no such object.</returns>
    public ReadOnlyMemory<byte>? Read(string bucket, string key)
    {
        lock (Gate)
            return Buckets.GetValueOrDefault(bucket)?.Objects.GetValueOrDefault(key)?.Content;
    }
}
