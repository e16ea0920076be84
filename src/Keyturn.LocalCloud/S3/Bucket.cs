using System.Security.Cryptography;

namespace Keyturn.LocalCloud.S3;

/// <summary>A bucket and its objects. For holders of the store's gate.</summary>
internal sealed class Bucket(string name, DateTimeOffset created)
{
    public string Name { get; } = name;

    public DateTimeOffset Created { get; } = created;

    /// <summary>In the order of their keys' UTF-8, which is how S3 lists them; ordinal UTF-16 differs beyond U+FFFF only.</summary>
    public SortedDictionary<string, StoredObject> Objects { get; } = new(StringComparer.Ordinal);

    /// <summary>Uploads in parts that are under way, by their id.</summary>
    public Dictionary<string, PartedUpload> Uploads { get; } = new(StringComparer.Ordinal);
}

/// <param name="Headers">What comes back with it: content type, encoding, x-amz-meta-….</param>
internal sealed record StoredObject(ReadOnlyMemory<byte> Content, string ETag, IReadOnlyDictionary<string, string> Headers, DateTimeOffset Modified)
{
    // The API's own entity tag, not a protection.
#pragma warning disable CA5351
    public static byte[] Md5(ReadOnlySpan<byte> content) => MD5.HashData(content);
#pragma warning restore CA5351

    public static string Tag(ReadOnlySpan<byte> content) => $"\"{Convert.ToHexStringLower(Md5(content))}\"";
}

internal sealed record PartedUpload(string Key, IReadOnlyDictionary<string, string> Headers)
{
    public SortedDictionary<int, byte[]> Parts { get; } = [];
}
