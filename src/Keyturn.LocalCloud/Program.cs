using System.Runtime.InteropServices;
using Keyturn.LocalCloud.CloudFormation;
using Keyturn.LocalCloud.Hosting;
using Microsoft.Extensions.Logging.Console;

try
{
    var command = CommandLine.Build(RunAsync);
    var parsed = command.Parse(args);
    if (parsed.UnmatchedTokens is [var unknown, ..])
        throw new OptionException($"'{unknown}' is not an option; the options are {string.Join(", ", command.Options.Select(o => o.Name))}");
    if (parsed.Errors is [var error, ..])
    {
        Console.Error.WriteLine($"local-cloud: {error.Message.TrimEnd('.')}; 'local-cloud --help' lists the options");
        return 1;
    }

    return await parsed.InvokeAsync(new System.CommandLine.InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
}
catch (OptionException wrong)
{
    Console.Error.WriteLine($"local-cloud: {wrong.Message}");
    return 1;
}
catch (Exception e)
{
    Console.Error.WriteLine($"error: local-cloud: {e}");
    return 70;
}

static async Task<int> RunAsync(CloudOptions options, CancellationToken cancellation)
{
    var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
    using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, End);

    using var logs = LoggerFactory.Create(logging =>
    {
        logging.Services.AddSingleton(TimeProvider.System);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddConsole(console =>
        {
            console.FormatterName = ConsoleLog.FormatterName;
            console.LogToStandardErrorThreshold = LogLevel.Trace;
        });
        logging.AddConsoleFormatter<ConsoleLog, ConsoleFormatterOptions>();
    });
    await using var cloud = new Cloud(options, logs, TimeProvider.System);
    try
    {
        await cloud.StartAsync();
    }
    catch (StackException wrong)
    {
        throw new OptionException($"{options.Template} can't be deployed: {wrong.Message}; nothing was started");
    }

    foreach (var url in cloud.Urls)
        Console.WriteLine(url);
    Console.WriteLine("ready");
    await ended.Task;
    return 0;

    void End(PosixSignalContext signal)
    {
        signal.Cancel = true;
        ended.TrySetResult();
    }
}
