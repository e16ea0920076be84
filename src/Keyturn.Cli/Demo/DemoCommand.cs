using System.CommandLine;

namespace Keyturn.Cli.Demo;

/// <summary><c>keyturn demo</c>: the whole story on one machine.</summary>
internal static class DemoCommand
{
    private const int MostDevices = 200;

    public static Command Create(CancellationToken stop)
    {
        var devices = new Option<int>("--devices")
        {
            Description = $"How many core devices rotate, 1 to {MostDevices}.",
            DefaultValueFactory = _ => 3,
        };
        devices.Validators.Add(result =>
        {
            // Before conversion: a value that is no number would throw when it is read here.
            if (result.Tokens is [var given] && !(int.TryParse(given.Value, out var count) && count is >= 1 and <= MostDevices))
                result.AddError($"--devices takes a whole number from 1 to {MostDevices}, not '{given.Value}'; write for example --devices 3.");
        });
        var store = new Option<string>("--store")
        {
            Description = "Where the devices keep their keys: file, softhsm or tpm (a simulated one).",
            DefaultValueFactory = _ => "file",
        };
        store.AcceptOnlyFromAmong("file", "softhsm", "tpm");
        var json = new Option<bool>("--json") { Description = "Progress on standard error; one JSON object as the last line of standard output." };
        var logs = new Option<string?>("--logs") { Description = "Leave the log of every process in this directory." };
        var patience = new Option<int>("--timeout")
        {
            Description = "Seconds to wait for the job before giving up.",
            DefaultValueFactory = _ => 300,
        };

        var command = new Command("demo", "Starts the local stand-ins for AWS and for Greengrass, and rotates the credentials of a few devices.")
        {
            devices, store, json, logs, patience,
        };
        command.SetAction(result => DemoRun.RunAsync(
            new DemoOptions
            {
                Devices = result.GetValue(devices),
                Store = result.GetValue(store)!,
                Json = result.GetValue(json),
                Patience = TimeSpan.FromSeconds(result.GetValue(patience)),
                Logs = result.GetValue(logs),
                Tools = DemoTools.FromEnvironment(),
            },
            TimeProvider.System,
            stop));
        return command;
    }
}
