using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>The account's own components, each with its versions.</summary>
internal sealed class ComponentStore
{
    public Lock Gate { get; } = new();

    public SortedDictionary<string, SortedDictionary<SemanticVersion, ComponentVersion>> Components { get; } = new(StringComparer.Ordinal);

    public static string ArnOf(string component) => CloudAccount.Local.Arn("greengrass", $"components:{component}");

    public ComponentVersion? Find(string component, string version) =>
        SemanticVersion.TryParse(version) is { } parsed ? Components.GetValueOrDefault(component)?.GetValueOrDefault(parsed) : null;

    public ComponentVersion FindByArn(string arn) => arn.Split(':') is [.. var component, "versions", var version] && NameOf(string.Join(':', component)) is { } name
        ? Find(name, version) ?? throw GreengrassErrors.NotFound("COMPONENT", arn)
        : throw GreengrassErrors.Invalid($"{arn} is not the ARN of a component version.");

    /// <returns>Null for the ARN of something else, or of another account.</returns>
    public static string? NameOf(string arn) => ArnOf("") is var prefix && arn.StartsWith(prefix, StringComparison.Ordinal) && !arn[prefix.Length..].Contains(':') && arn.Length > prefix.Length
        ? arn[prefix.Length..]
        : null;
}

internal sealed record ComponentVersion(ComponentRecipe Recipe, DateTimeOffset Created)
{
    public string Arn => $"{ComponentStore.ArnOf(Recipe.Name)}:versions:{Recipe.Version.Text}";
}
