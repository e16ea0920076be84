using System.CommandLine;
using Keyturn.Cli;
using Keyturn.Cli.Components;
using Keyturn.Cli.Demo;

using var stop = new StopSignal();
var command = new RootCommand("Rotates the certificates and private keys of AWS IoT Greengrass core devices.")
{
    DemoCommand.Create(stop.Token),
    ComponentCommand.Create(stop.Token),
};

var parsed = command.Parse(args);
if (parsed.Errors.Count > 0)
{
    var what = parsed.UnmatchedTokens is [var unknown, ..] ? $"'{unknown}' is neither a command nor an option." : OneLine(parsed.Errors[0].Message);
    Console.Error.WriteLine($"keyturn: {what} Nothing was started; 'keyturn --help' lists what can be written.");
    return ExitCode.UserError;
}

try
{
    return await parsed.InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (UserException error)
{
    Console.Error.WriteLine($"keyturn: {error.Message}");
    return ExitCode.UserError;
}
catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
{
    return stop.ExitCode;
}
catch (Exception error)
{
    Console.Error.WriteLine($"keyturn: a bug of ours, please report it with what stands here: {error}");
    return ExitCode.Bug;
}

// Where the library lists the choices it writes each on a line of its own.
static string OneLine(string message) =>
    string.Join(", ", message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).Replace(":, ", ": ", StringComparison.Ordinal).TrimEnd('.') + ".";
