using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>
/// A recipe as the service takes it in: checked, and its artifacts' digests added.
/// https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
/// </summary>
internal sealed partial record ComponentRecipe(string Name, SemanticVersion Version, JsonObject Document)
{
    private const string FormatVersion = "2020-01-25";
    private const int MaxBytes = 16 * 1024;

    public string? Publisher => Text(Document, "ComponentPublisher");

    public string? Description => Text(Document, "ComponentDescription");

    public IEnumerable<JsonObject> Manifests => (Member(Document, "Manifests") as JsonArray ?? []).OfType<JsonObject>();

    /// <summary>What each manifest is for; of the platform's members those that are text.</summary>
    public JsonArray Platforms =>
    [
        .. Manifests.Select(m => Member(m, "Platform")).OfType<JsonObject>().Select(platform => (JsonNode)new JsonObject
        {
            ["attributes"] = new JsonObject(platform.Where(p => p.Value?.GetValueKind() == JsonValueKind.String).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))),
        }),
    ];

    /// <param name="readArtifact">The content of an S3 object; null when it can't be read.</param>
    public static ComponentRecipe Take(string base64, Func<string, string, ReadOnlyMemory<byte>?> readArtifact)
    {
        if (!System.Buffers.Text.Base64.IsValid(base64))
            throw GreengrassErrors.Invalid("inlineRecipe is not base64.");
        var bytes = Convert.FromBase64String(base64);
        if (bytes.Length > MaxBytes)
            throw GreengrassErrors.Invalid($"Invalid Input: The recipe is {bytes.Length} bytes long; {MaxBytes} are the most.");
        var document = RecipeText.TryRead(bytes) ?? throw GreengrassErrors.Invalid("Invalid Input: The recipe is neither a JSON nor a YAML object.");
        if (Text(document, "RecipeFormatVersion") != FormatVersion)
            throw GreengrassErrors.Invalid($"Invalid Input: RecipeFormatVersion must be {FormatVersion}.");
        var name = Text(document, "ComponentName") is { } given && NamePattern().IsMatch(given)
            ? given
            : throw GreengrassErrors.Invalid("Invalid Input: ComponentName must be 1 to 128 letters, digits, hyphens, underscores and periods.");
        var version = SemanticVersion.TryParse(Text(document, "ComponentVersion") ?? "")
            ?? throw GreengrassErrors.Invalid("Invalid Input: ComponentVersion must be a semantic version, such as 1.0.0.");
        var recipe = new ComponentRecipe(name, version, document);
        recipe.CheckDependencies();
        recipe.CheckManifests();
        recipe.AddDigests(readArtifact);
        return recipe;
    }

    public static JsonNode? Member(JsonObject map, string name) => map.FirstOrDefault(m => m.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    private void CheckDependencies()
    {
        if (Member(Document, "ComponentDependencies") is not { } node)
            return;
        foreach (var (dependency, value) in node as JsonObject ?? throw GreengrassErrors.Invalid("Invalid Input: ComponentDependencies is not an object."))
        {
            if (value is not JsonObject map || Text(map, "VersionRequirement") is not { } requirement || VersionRequirement.TryParse(requirement) is null)
                throw GreengrassErrors.Invalid($"Invalid Input: the dependency {dependency} has no valid VersionRequirement.");
            if (Text(map, "DependencyType") is not (null or "HARD" or "SOFT"))
                throw GreengrassErrors.Invalid($"Invalid Input: the DependencyType of {dependency} is neither HARD nor SOFT.");
        }
    }

    private void CheckManifests()
    {
        if (Member(Document, "Manifests") is not (null or JsonArray) || (Member(Document, "Manifests") as JsonArray)?.Any(m => m is not JsonObject) == true)
            throw GreengrassErrors.Invalid("Invalid Input: Manifests is not a list of objects.");
    }

    private void AddDigests(Func<string, string, ReadOnlyMemory<byte>?> read)
    {
        var errors = new List<string>();
        foreach (var artifact in Manifests.SelectMany(m => Member(m, "Artifacts") as JsonArray ?? []))
        {
            if (artifact is not JsonObject map || Text(map, "Uri") is not { } uri)
                throw GreengrassErrors.Invalid("Invalid Input: an artifact has no Uri.");
            if (uri.StartsWith("docker:", StringComparison.Ordinal))
                continue;
            if (ObjectUri().Match(uri) is not { Success: true } at || read(at.Groups[1].Value, at.Groups[2].Value) is not { } content)
            {
                errors.Add($"{uri} = Specified artifact resource cannot be accessed");
                continue;
            }

            map["Digest"] = Convert.ToBase64String(SHA256.HashData(content.Span));
            map["Algorithm"] = "SHA-256";
        }

        if (errors.Count > 0)
            throw GreengrassErrors.Invalid($"Invalid Input: Encountered following errors in Artifacts: {{{string.Join(", ", errors.Distinct())}}}");
    }

    private static string? Text(JsonObject map, string name) =>
        Member(map, name) is { } node && node.GetValueKind() is JsonValueKind.String ? node.GetValue<string>() : null;

    [GeneratedRegex(@"\A[a-zA-Z0-9_.-]{1,128}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\As3://([a-z0-9.-]+)/(.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex ObjectUri();
}
