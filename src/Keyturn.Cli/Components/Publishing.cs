using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Cli.Components;

/// <summary><c>keyturn component publish</c>: archives to S3, then the version. All that can be found wrong beforehand is.</summary>
internal sealed record Publishing(string RecipeFile, string Packages, string Bucket, string? Version, bool Json)
{
    public async Task<int> RunAsync(TimeProvider time, CancellationToken stop)
    {
        var recipe = ComponentRecipe.Read(RecipeFile);
        var version = ComponentRecipe.CheckVersion(Version ?? recipe.Version);
        var archives = recipe.Artifacts.Select(name => (Name: name, File: Path.Combine(Packages, name))).ToList();
        if (archives.Where(a => !File.Exists(a.File)).Select(a => a.File).ToList() is { Count: > 0 } missing)
            throw new UserException($"the recipe names archives that are not there: {string.Join(", ", missing)}. Nothing was changed. Run 'keyturn component build' first.");

        using var greengrass = new GreengrassClient();
        using var bucket = new ArtifactBucket(Bucket);
        var component = new PublishedComponent(greengrass, recipe.Name, time);
        if (await component.FindVersionAsync(version, stop) is { } existing)
            throw new UserException($"{recipe.Name} {version} is published already ({existing}), and a version can't be changed. Nothing was changed. Name another with --version.");

        var untouched = "Nothing was changed.";
        foreach (var (name, file) in archives)
        {
            await bucket.UploadAsync($"{recipe.Name}/{version}/{name}", file, untouched, stop);
            untouched = $"Some archives of {version} are in the bucket; no version was published.";
        }

        var created = await component.CreateAsync(recipe.For(version, Bucket), $"The archives of {version} are in the bucket; no version was published.", stop);
        ComponentReport.Print(
            Json, [("component", recipe.Name), ("version", version), ("arn", created.Arn), ("state", created.Status!.ComponentState), ("bucket", Bucket)]);
        return ExitCode.Done;
    }
}
