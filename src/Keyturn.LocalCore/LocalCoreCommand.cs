using System.CommandLine;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Core;
using Keyturn.LocalCore.Deployments;
using Keyturn.LocalCore.Lite;
using Keyturn.LocalCore.Provisioning;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore;

/// <summary>The command line: provision a core, run a core, and what the loader starts as the nucleus.</summary>
internal static class LocalCoreCommand
{
    public static RootCommand Build(TimeProvider time)
    {
        var root = new Option<string>("--root") { Description = "The Greengrass root directory of the core", HelpName = "DIR" };
        var provision = new Option<string>("--provision") { Description = "Register a new core at this AWS endpoint, write its root directory, and exit", HelpName = "URL" };
        var thing = new Option<string>("--thing") { Description = "With --provision: the core's thing name", HelpName = "NAME" };
        var group = new Option<string>("--group") { Description = "With --provision: a thing group to put it in, made if missing", HelpName = "NAME" };
        var fleet = new Option<bool>("--fleet-provisioned") { Description = "With --provision: as fleet provisioning leaves a core, whose paths come into the configuration when its nucleus first runs" };
        var literal = new Option<bool>("--no-interpolation") { Description = "With --provision: {iot:thingName} in a component's configuration stays as it stands, as by classic's default" };
        var store = new Option<string>("--store") { Description = "With --provision: where the key is kept: file, softhsm or tpm (a simulated one); default file", HelpName = "KIND" };
        var nucleusKind = new Option<string>("--nucleus") { Description = "With --provision: classic or lite; default classic", HelpName = "KIND" };
        var recipe = new Option<string>("--recipe") { Description = "The component's recipe; default $KEYTURN_RECIPE, or none with --component", HelpName = "FILE" };
        var executable = new Option<string>("--component-executable") { Description = "What to place where the recipe's artifacts go; default $KEYTURN_COMPONENT", HelpName = "PATH" };
        var component = new Option<string>("--component")
        {
            Description = "Run this shell command in the component's place, in its work directory and with its environment. Without --recipe it may "
                + "use $aws/things/THING/jobs/# and awslabs/things/THING/certificate/#",
            HelpName = "COMMAND",
        };
        var installed = new Option<bool>("--installed") { Description = "Run what is installed and install nothing: deployments from the cloud bring components" };
        var name = new Option<string>("--component-name") { Description = $"With --component and no --recipe: the component's name; default {Recipe.DefaultComponent}", HelpName = "NAME" };

        var command = new RootCommand("One Greengrass core device with the behaviour of nucleus classic, or lite, on this machine. Prints 'ready' whenever its nucleus serves components.")
        {
            root, provision, thing, group, nucleusKind, fleet, literal, store, recipe, executable, component, name, installed,
        };
        command.SetAction((parsed, cancellation) =>
        {
            var directory = Path.GetFullPath(Required(parsed.GetValue(root), "--root DIR"));
            return parsed.GetValue(provision) is { } url
                ? ProvisionAsync(url, Required(parsed.GetValue(thing), "--thing NAME"), directory, parsed.GetValue(group), new(parsed.GetValue(fleet), parsed.GetValue(literal), IsLite(parsed.GetValue(nucleusKind))), KindOf(parsed.GetValue(store)), time, cancellation)
                : RunAsync(directory, parsed.GetValue(recipe), parsed.GetValue(executable), parsed.GetValue(component), parsed.GetValue(name), parsed.GetValue(installed), time);
        });

        var nucleusRoot = new Option<string>("--root") { Required = true };
        var nucleus = new Command("nucleus", "What the loader starts") { nucleusRoot };
        nucleus.Hidden = true;
        nucleus.SetAction((parsed, _) => Nucleus.RunAsync(parsed.GetRequiredValue(nucleusRoot), time));
        command.Subcommands.Add(nucleus);

        var deployRoot = new Option<string>("--root") { Description = "The Greengrass root directory of the core", HelpName = "DIR", Required = true };
        var file = new Argument<string>("FILE") { Description = "A deployment document (JSON); docs/local-core.md describes it" };
        var deploy = new Command("deploy", "Deploy to a core that runs: change components and their configuration") { deployRoot, file };
        deploy.SetAction((parsed, cancellation) =>
            DeployCommand.RunAsync(Path.GetFullPath(parsed.GetRequiredValue(deployRoot)), Path.GetFullPath(parsed.GetRequiredValue(file)), time, cancellation));
        command.Subcommands.Add(deploy);
        command.Subcommands.Add(LiteCommand.Build(time));
        return command;
    }

    private static async Task<int> ProvisionAsync(string url, string thing, string root, string? group, InstallationKind kind, TokenKind? store, TimeProvider time, CancellationToken cancellation)
    {
        if (!Uri.TryCreate(url.TrimEnd('/') + "/", UriKind.Absolute, out var endpoint) || endpoint.Scheme is not ("http" or "https"))
            throw new UsageException($"--provision '{url}' is not an http URL; write for instance --provision http://127.0.0.1:4566");
        CheckName("--thing", thing);
        if (group is not null)
            CheckName("--group", group);
        if (kind.IsLite && (kind.IsFleetProvisioned || kind.IsLiteral || store is not null))
            throw new UsageException("--nucleus lite goes without --fleet-provisioned, --no-interpolation and --store: this core of lite has its key in a file and never interpolates");
        if (Installation.Exists(root) || LiteInstallation.IsIn(root))
            throw new UsageException($"{root} holds a core already; nothing was changed. Name another --root, or run this one with local-core --root {root}");
        var region = Environment.GetEnvironmentVariable("AWS_REGION") ?? Environment.GetEnvironmentVariable("AWS_DEFAULT_REGION") ?? "us-east-1";
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        var isDone = false;
        try
        {
            using var token = store is { } wanted ? await TokenInstallation.MakeAsync(root, wanted, time, cancellation).ConfigureAwait(false) : null;
            var core = await new CoreRegistration(new AwsApi(endpoint, region, http, time), region, token).RegisterAsync(thing, group, cancellation).ConfigureAwait(false);
            if (kind.IsLite)
                LiteInstallation.Write(root, core);
            else
                Installation.Write(root, core, time, kind, token);
            isDone = true;
        }
        catch (HttpRequestException problem)
        {
            throw new ProvisioningException($"{url} can't be reached: {problem.Message}. Start script/local-cloud, or name the endpoint it prints");
        }
        finally
        {
            if (!isDone && store is not null && Directory.Exists(new TokenDirectory(root).Path))
                Directory.Delete(new TokenDirectory(root).Path, recursive: true);
        }
        await Console.Out.WriteLineAsync($"provisioned {thing} in {root}").ConfigureAwait(false);
        return 0;
    }

    private static async Task<int> RunAsync(string root, string? recipePath, string? executable, string? command, string? name, bool installed, TimeProvider time)
    {
        if (installed && (recipePath ?? executable ?? command ?? name) is not null)
            throw new UsageException("--installed installs nothing: it goes without --recipe, --component-executable, --component and --component-name");
        if (LiteInstallation.IsIn(root))
            return await RunLiteAsync(root, recipePath, executable, command ?? name, installed, time).ConfigureAwait(false);
        if (!File.Exists(TransactionLog.PathIn(root)))
            throw new UsageException($"{root} holds no core; write local-core --provision URL --thing NAME --root {root} first");
        if (command is null && !installed)
        {
            recipePath ??= Environment.GetEnvironmentVariable("KEYTURN_RECIPE");
            executable ??= Environment.GetEnvironmentVariable("KEYTURN_COMPONENT");
        }
        if (name is not null && (command is null || recipePath is not null))
            throw new UsageException("--component-name goes with --component and without --recipe: a recipe names its component");
        var recipe = (recipePath, command) switch
        {
            (null, null) when installed => null,
            (null, null) => throw new UsageException("which component? Name its recipe with --recipe FILE, or a command with --component 'COMMAND'"),
            (null, _) => Recipe.ForCommand(name ?? Recipe.DefaultComponent).Running(command),
            (_, null) => Recipe.Load(recipePath),
            _ => Recipe.Load(recipePath).Running(command),
        };
        using var alone = Claim(root);
        var token = new TokenDirectory(root);
        token.ApplyEnvironment();
        using var tpm = token.IsTpm ? await TpmSimulator.StartAsync(token, time, CancellationToken.None).ConfigureAwait(false) : null;
        if (recipe is not null)
            Deployment.Apply(root, recipe, executable, time);
        using var log = new LogFile(Path.Combine(root, "logs", "loader.log"), "loader", time);
        return await new Loader(root, log, time).RunAsync().ConfigureAwait(false);
    }

    private static async Task<int> RunLiteAsync(string root, string? recipe, string? executable, string? command, bool installed, TimeProvider time)
    {
        if (command is not null)
            throw new UsageException("--component and --component-name are for nucleus classic; on lite name a recipe with --recipe FILE");
        recipe ??= installed ? null : Environment.GetEnvironmentVariable("KEYTURN_RECIPE");
        executable ??= installed ? null : Environment.GetEnvironmentVariable("KEYTURN_COMPONENT");
        using var alone = Claim(root);
        var component = recipe is null ? null : LiteInstallation.Install(root, recipe, executable).Name;
        return await new LiteLoader(root, time).RunAsync(component).ConfigureAwait(false);
    }

    private static bool IsLite(string? nucleus) => nucleus switch
    {
        null or "classic" => false,
        "lite" => true,
        _ => throw new UsageException($"--nucleus '{nucleus}' is none of classic and lite"),
    };

    /// <summary>Two nuclei over one root would tear its configuration apart.</summary>
    private static FileStream Claim(string root)
    {
        try
        {
            return Lock(root);
        }
        catch (IOException)
        {
            throw new UsageException($"another local-core runs the core in {root}; end it first");
        }
    }

    private static FileStream Lock(string root) => new(Path.Combine(root, "loader.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);

    /// <summary>Whether a loader holds this root.</summary>
    public static bool IsRunning(string root)
    {
        try
        {
            Lock(root).Dispose();
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static TokenKind? KindOf(string? store) => store switch
    {
        null or "file" => null,
        "softhsm" => TokenKind.SoftHsm,
        "tpm" => TokenKind.Tpm,
        _ => throw new UsageException($"--store '{store}' is none of file, softhsm and tpm"),
    };

    private static string Required(string? value, string option) =>
        string.IsNullOrWhiteSpace(value) ? throw new UsageException($"{option} is missing; local-core --help lists the options") : value;

    private static void CheckName(string option, string name)
    {
        if (name.Length is 0 or > 128 || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is ':' or '_' or '-'))
            throw new UsageException($"{option} '{name}' is not a name that AWS IoT takes; write 1 to 128 of a-z A-Z 0-9 : _ -");
    }
}

/// <summary>The command line asks for what can't be; the message says what to write instead.</summary>
internal sealed class UsageException(string message) : Exception(message);
