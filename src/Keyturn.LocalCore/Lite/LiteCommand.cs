using System.CommandLine;

namespace Keyturn.LocalCore.Lite;

/// <summary>What lite's units start, and what a deployment would do for them: <c>lite DAEMON --root DIR</c>.</summary>
internal static class LiteCommand
{
    public static Command Build(TimeProvider time)
    {
        var supervised = new Option<bool>("--supervised") { Description = "End with the standard input" };
        var component = new Option<string>("--component") { Required = true };
        var recipe = new Option<string>("--recipe") { Required = true };
        var executable = new Option<string>("--component-executable");
        var lite = new Command("lite", "The daemons of a core with --nucleus lite, for units of systemd; docs/nucleus-lite.md") { Hidden = true };

        Add("iotcored", "The connection to the cloud", [supervised], (root, parsed, _) => LiteDaemon.RunAsync(
            "iotcored", root, parsed.GetValue(supervised), time, (settings, log, stopping) => LiteDaemon.IotcoredAsync(settings, log, time, stopping)));
        Add("ggipcd", "The socket of the components", [supervised], (root, parsed, _) => LiteDaemon.RunAsync("ggipcd", root, parsed.GetValue(supervised), time, LiteDaemon.GgipcdAsync));
        Add("gg-fleet-statusd", "Reports the device's health", [supervised], (root, parsed, _) => LiteDaemon.RunAsync(
            "gg-fleet-statusd", root, parsed.GetValue(supervised), time, (settings, log, stopping) => StatusDaemon.RunAsync(settings, log, time, stopping)));
        Add("recipe-runner", "Becomes a component's script", [component], (root, parsed, cancellation) => RecipeRunner.RunAsync(root, parsed.GetRequiredValue(component), time, cancellation));
        Add("install", "Puts a component's recipe and executable in place", [recipe, executable], (root, parsed, _) =>
        {
            LiteInstallation.Install(root, Path.GetFullPath(parsed.GetRequiredValue(recipe)), parsed.GetValue(executable));
            return Task.FromResult(0);
        });
        return lite;

        void Add(string name, string description, Option[] options, Func<string, ParseResult, CancellationToken, Task<int>> run)
        {
            var root = new Option<string>("--root") { Required = true };
            var command = new Command(name, description) { root };
            foreach (var option in options)
                command.Options.Add(option);
            command.SetAction((parsed, cancellation) => run(Path.GetFullPath(parsed.GetRequiredValue(root)), parsed, cancellation));
            lite.Subcommands.Add(command);
        }
    }
}
