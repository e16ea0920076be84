using System.CommandLine;
using System.Diagnostics;

namespace Keyturn.Cli.Components;

/// <summary><c>keyturn component</c>: what GDK does, without GDK.</summary>
internal static class ComponentCommand
{
    public static Command Create(CancellationToken stop) => new("component", "Builds, publishes and deploys the device component.")
    {
        Build(stop), Publish(stop), Deploy(stop),
    };

    private static Command Build(CancellationToken stop)
    {
        var platforms = new Option<string[]>("--platform")
        {
            Description = "linux-x64, linux-arm64 or win-x64; may be given more than once. All, unless told otherwise.", AllowMultipleArgumentsPerToken = true,
        };
        var command = new Command("build", "Makes the archives for devices in artifacts/package (script/package).") { platforms };
        command.SetAction(async result =>
        {
            var script = Path.Combine(Root(), "script", "package");
            if (!File.Exists(script))
                throw new UserException($"there is no {script}; nothing was built. Run this in a clone of the repository.");
            using var process = Process.Start(script, result.GetValue(platforms) ?? []);
            try
            {
                await process.WaitForExitAsync(stop);
            }
            catch (OperationCanceledException)
            {
                await process.EndAsync(TimeProvider.System);
                throw;
            }

            return process.ExitCode == 0 ? ExitCode.Done : ExitCode.UserError;
        });
        return command;
    }

    private static Command Publish(CancellationToken stop)
    {
        var (recipe, version, json) = Common();
        var bucket = new Option<string>("--bucket") { Description = "S3 bucket for the archives, in the region of the devices.", Required = true };
        bucket.Validators.Add(result =>
        {
            if (result.Tokens is [var given] && !ArtifactBucket.CanBeNamed(given.Value))
                result.AddError($"--bucket '{given.Value}' can't be the name of an S3 bucket: 3 to 63 lower-case letters, digits, hyphens and dots.");
        });
        var packages = new Option<string>("--packages") { Description = "Directory of the archives.", DefaultValueFactory = _ => Path.Combine(Root(), "artifacts", "package") };
        var command = new Command("publish", "Uploads the archives and publishes a version of the component.") { bucket, packages, recipe, version, json };
        command.SetAction(result => new Publishing(
            result.GetRequiredValue(recipe), result.GetRequiredValue(packages), result.GetRequiredValue(bucket), result.GetValue(version), result.GetValue(json))
            .RunAsync(TimeProvider.System, stop));
        return command;
    }

    private static Command Deploy(CancellationToken stop)
    {
        var (recipe, version, json) = Common();
        var group = new Option<string>("--thing-group") { Description = "Group whose core devices get the component.", Required = true };
        var patience = new Option<int>("--timeout") { Description = "Seconds to wait for the devices' answers.", DefaultValueFactory = _ => 600 };
        patience.Validators.Add(result =>
        {
            if (result.Tokens is [var given] && !(int.TryParse(given.Value, out var seconds) && seconds is >= 0 and <= 86_400))
                result.AddError($"--timeout takes whole seconds from 0 to 86400, not '{given.Value}'; write for example --timeout 600.");
        });
        var command = new Command("deploy", "Adds the component to the deployment of a thing group, waits, and reports.") { group, patience, recipe, version, json };
        command.SetAction(result => new Rollout(
            result.GetRequiredValue(recipe), result.GetRequiredValue(group), result.GetValue(version), TimeSpan.FromSeconds(result.GetValue(patience)), result.GetValue(json))
            .RunAsync(TimeProvider.System, stop));
        return command;
    }

    private static (Option<string> Recipe, Option<string?> Version, Option<bool> Json) Common() => (
        new Option<string>("--recipe")
        {
            Description = "The component's recipe.",
            DefaultValueFactory = _ => Environment.GetEnvironmentVariable("KEYTURN_RECIPE") ?? Path.Combine(Root(), "src", "Keyturn.Device", "recipe.yaml"),
        },
        new Option<string?>("--version") { Description = "Version of the component; the recipe's, unless told otherwise." },
        new Option<bool>("--json") { Description = "One JSON object on standard output." });

    /// <summary>The clone that this program was built in, or else the directory it is run in.</summary>
    private static string Root()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Keyturn.slnx")))
                return directory.FullName;
        }

        return Environment.CurrentDirectory;
    }
}
