using System.IO.Compression;
using System.Security.Cryptography;
using Keyturn.LocalCore.Components;

namespace Keyturn.LocalCore.Cloud;

/// <summary>Brings a component version onto the core: its recipe, and its artifacts once their digests have been found right.</summary>
internal sealed class ComponentDownload(string root, GreengrassDataPlane greengrass, ArtifactStore artifacts)
{
    private const UnixFileMode Readable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode Executable = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <returns>The recipe, and the file that it lies in.</returns>
    /// <exception cref="CloudRefusalException">It can't be had.</exception>
    /// <exception cref="RecipeException">It is not for this core.</exception>
    public async Task<(Recipe Recipe, string File)> FetchAsync(string component, string requirement, string requiredBy, CancellationToken cancellation)
    {
        var text = await greengrass.ResolveAsync(component, requirement, requiredBy, cancellation).ConfigureAwait(false);
        var directory = Path.Combine(root, "packages", "recipes");
        Directory.CreateDirectory(directory);
        var file = Path.Combine(directory, component + ".recipe.json+");
        await File.WriteAllTextAsync(file, text, cancellation).ConfigureAwait(false);
        var recipe = Recipe.Load(file);
        if (!recipe.Name.Equals(component, StringComparison.OrdinalIgnoreCase))
            throw new CloudRefusalException($"Greengrass gave the recipe of {recipe.Name} for {component}");
        var kept = Path.Combine(directory, $"{recipe.Name}-{recipe.Version}.recipe.json");
        Posix.Replace(file, kept);
        foreach (var artifact in recipe.Artifacts)
            await FetchAsync(artifact, ArtifactPaths.Of(root, recipe.Name, recipe.Version), cancellation).ConfigureAwait(false);
        return (recipe, kept);
    }

    private async Task FetchAsync(Artifact artifact, ArtifactPaths paths, CancellationToken cancellation)
    {
        Directory.CreateDirectory(paths.Plain);
        var target = Path.Combine(paths.Plain, Path.GetFileName(artifact.Location));
        var partial = target + "+";
        await using (var stream = File.Create(partial))
            await artifacts.DownloadAsync(artifact.Location, stream, cancellation).ConfigureAwait(false);
        await CheckAsync(artifact, partial, cancellation).ConfigureAwait(false);
        File.SetUnixFileMode(partial, ModeOf(artifact));
        Posix.Replace(partial, target);
        if (artifact.Unarchive)
            Unpack(artifact, target, artifact.DirectoryIn(paths));
    }

    private static async Task CheckAsync(Artifact artifact, string file, CancellationToken cancellation)
    {
        await using var stream = File.OpenRead(file);
        var digest = Convert.ToBase64String(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));
        if (digest == artifact.Digest)
            return;
        File.Delete(file);
        throw new CloudRefusalException($"{artifact.Location} is not what was published: its SHA-256 is {digest}, and the recipe says {artifact.Digest ?? "none"}. Publish another version");
    }

    private static void Unpack(Artifact artifact, string archive, string directory)
    {
        // Nothing runs from here: the version is not installed yet.
        var partial = directory + "+";
        foreach (var old in new[] { partial, directory }.Where(Directory.Exists))
            Directory.Delete(old, recursive: true);
        Directory.CreateDirectory(Path.GetDirectoryName(directory)!);
        try
        {
            ZipFile.ExtractToDirectory(archive, partial);
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException)
        {
            throw new CloudRefusalException($"{artifact.Location} can't be unpacked: {problem.Message}");
        }
        foreach (var file in Directory.EnumerateFiles(partial, "*", SearchOption.AllDirectories))
            File.SetUnixFileMode(file, ModeOf(artifact));
        Directory.Move(partial, directory);
    }

    private static UnixFileMode ModeOf(Artifact artifact) => artifact.MayBeExecuted ? Readable | Executable : Readable;
}
