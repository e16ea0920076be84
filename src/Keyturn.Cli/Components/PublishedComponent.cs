using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Cli.Components;

/// <summary>The component in the account's Greengrass: its versions, and making one.</summary>
internal sealed class PublishedComponent(GreengrassClient greengrass, string name, TimeProvider time)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private const int Looks = 120;
    private const int Pages = 1000;

    /// <summary>The version's ARN; null when it was never published.</summary>
    public async Task<string?> FindVersionAsync(string version, CancellationToken stop) =>
        (await VersionsAsync(stop)).FirstOrDefault(v => v.ComponentVersion == version)?.Arn;

    public async Task<IReadOnlyList<ListedComponentVersion>> VersionsAsync(CancellationToken stop)
    {
        string? next = null;
        for (var page = 0; page < Pages; page++)
        {
            var components = await ReadAsync("greengrass:ListComponents", () => greengrass.ListComponentsAsync(next, stop));
            if (components.Components.FirstOrDefault(c => c.ComponentName == name) is { } found)
                return await VersionsOfAsync(found.Arn, stop);
            if ((next = components.NextToken) is null)
                break;
        }

        return [];
    }

    public async Task<ComponentDescription> CreateAsync(string recipe, string untouched, CancellationToken stop)
    {
        var created = await AwsFaults.ExplainAsync(
            "greengrass:CreateComponentVersion, and s3:GetObject on the artifacts", untouched,
            () => greengrass.CreateComponentVersionAsync(System.Text.Encoding.UTF8.GetBytes(recipe), stop));
        for (var look = 0; look < Looks; look++)
        {
            switch (created.Status?.ComponentState)
            {
                case "DEPLOYABLE":
                    return created;
                case "FAILED":
                    var errors = created.Status.Errors?.Select(e => $"{e.Key}: {e.Value}") ?? [];
                    throw new UserException(
                        $"Greengrass refused version {created.ComponentVersion}: {string.Join("; ", [created.Status.Message ?? "no reason was given", .. errors])} The archives are in the bucket; publish the mended component under another version.");
            }

            await Task.Delay(Pause, time, stop);
            created = await ReadAsync("greengrass:DescribeComponent", () => greengrass.DescribeComponentAsync(created.Arn, stop));
        }

        throw new UserException($"Greengrass has not said in {Looks} s whether it takes version {created.ComponentVersion}. It is published; 'aws greengrassv2 describe-component' shows its state.");
    }

    private async Task<IReadOnlyList<ListedComponentVersion>> VersionsOfAsync(string arn, CancellationToken stop)
    {
        var versions = new List<ListedComponentVersion>();
        string? next = null;
        for (var page = 0; page < Pages; page++)
        {
            var result = await ReadAsync("greengrass:ListComponentVersions", () => greengrass.ListComponentVersionsAsync(arn, next, stop));
            versions.AddRange(result.ComponentVersions);
            if ((next = result.NextToken) is null)
                break;
        }

        return versions;
    }

    private static Task<T> ReadAsync<T>(string permission, Func<Task<T>> call) => AwsFaults.ExplainAsync(permission, "Nothing was changed.", call);
}
