using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>Tags of certificate authorities: at most 50.</summary>
internal static class AuthorityTags
{
    private static readonly MemberRule Key = new(1, 128);
    private static readonly MemberRule Value = new(0, 256);

    public static IReadOnlyList<KeyValuePair<string, string?>> Read(ApiRequest request) =>
    [
        .. from node in request.Json.Array("acm-pca", "Tags") ?? []
           let tag = node as JsonObject ?? throw RequestBody.Malformed("acm-pca", "'Tags' is not a list of structures.")
           let key = tag.Text("acm-pca", "Key", Key) ?? throw RequestMembers.Missing("tags.key")
           select key.StartsWith("aws:", StringComparison.OrdinalIgnoreCase)
               ? throw new ApiException(400, "InvalidTagException", "A tag key can't begin with aws:.")
               : KeyValuePair.Create(key, tag.Text("acm-pca", "Value", Value)),
    ];

    public static void Add(CertificateAuthority authority, IReadOnlyList<KeyValuePair<string, string?>> tags)
    {
        if (authority.Tags.Keys.Union(tags.Select(t => t.Key)).Count() > 50)
            throw new ApiException(400, "TooManyTagsException", "A certificate authority has at most 50 tags.");
        foreach (var (key, value) in tags)
            authority.Tags[key] = value;
    }

    public static JsonNode Show(KeyValuePair<string, string?> tag) => new JsonObject { ["Key"] = tag.Key, ["Value"] = tag.Value };
}
