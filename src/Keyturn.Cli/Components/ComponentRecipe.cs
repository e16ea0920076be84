using System.Text.RegularExpressions;

namespace Keyturn.Cli.Components;

/// <summary>
/// The recipe in the repository, with the placeholders that GDK fills: BUCKET_NAME, COMPONENT_NAME, COMPONENT_VERSION. It is text to us, so that what
/// reaches the device is what was written.
/// </summary>
internal sealed partial class ComponentRecipe
{
    private readonly string _text;

    private ComponentRecipe(string text, string name, string version) => (_text, Name, Version) = (text, name, version);

    public string Name { get; }

    /// <summary>The one written in the recipe.</summary>
    public string Version { get; }

    /// <summary>File names, as the recipe's URIs end.</summary>
    public IReadOnlyList<string> Artifacts => [.. Uri().Matches(_text).Select(m => m.Groups[1].Value)];

    public static ComponentRecipe Read(string path)
    {
        if (!File.Exists(path))
            throw new UserException($"there is no recipe at {path}; nothing was changed. Run this in a clone of the repository, or name it with --recipe.");
        var text = File.ReadAllText(path);
        return new ComponentRecipe(text, Find(NameLine(), "ComponentName"), Find(VersionLine(), "ComponentVersion"));

        string Find(Regex line, string member) => line.Match(text) is { Success: true } match
            ? match.Groups[1].Value
            : throw new UserException($"the recipe {path} has no {member}; nothing was changed.");
    }

    /// <summary>Checks that a version is one Greengrass takes.</summary>
    public static string CheckVersion(string version) => SemanticVersion().IsMatch(version)
        ? version
        : throw new UserException($"--version {version} is no version; nothing was changed. Write three numbers, such as 2.0.1.");

    public string For(string version, string bucket) => VersionLine().Replace(_text, $"ComponentVersion: {version}")
        .Replace("BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION", $"{bucket}/{Name}/{version}", StringComparison.Ordinal);

    [GeneratedRegex(@"s3://BUCKET_NAME/COMPONENT_NAME/COMPONENT_VERSION/([A-Za-z0-9._-]+)")]
    private static partial Regex Uri();

    [GeneratedRegex(@"^ComponentName: *([A-Za-z0-9._-]+)", RegexOptions.Multiline)]
    private static partial Regex NameLine();

    [GeneratedRegex(@"^ComponentVersion: *([^\s]+)", RegexOptions.Multiline)]
    private static partial Regex VersionLine();

    [GeneratedRegex(@"\A(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}(-[0-9A-Za-z.-]+)?\z")]
    private static partial Regex SemanticVersion();
}
