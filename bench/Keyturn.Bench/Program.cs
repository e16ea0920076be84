using System.Runtime.Versioning;
using Keyturn.Bench;
using Spectre.Console;

[assembly: SupportedOSPlatform("linux")]

// The local cloud starts this executable as a function too.
if (Environment.GetEnvironmentVariable("AWS_LAMBDA_RUNTIME_API") is { } runtimeApi)
    await EchoFunction.RunAsync(runtimeApi);

// Prints one table; README carries it. Seconds are of this machine: compare them within one run only.
var only = args.FirstOrDefault();
if (only is not (null or "device" or "function" or "demo" or "cloud" or "fleet"))
{
    Console.Error.WriteLine($"script/bench: '{only}' is not a benchmark; write script/bench, or script/bench device, function, demo, cloud or fleet");
    return 1;
}

var table = new Table().Border(TableBorder.Markdown).AddColumns("What", "Measured");
if (only is "device" && args.Length > 1)
{
    await DeviceBenchmark.CompareAsync((what, measured) => table.AddRow(what, measured), args[1..]);
}
else if (only is null or "device")
{
    await DeviceBenchmark.RunAsync((what, measured) => table.AddRow(what, measured));
    await RotationBenchmark.RunAsync((what, measured) => table.AddRow(what, measured));
}
if (only is null or "function")
    await FunctionBenchmark.RunAsync((what, measured) => table.AddRow(what, measured));
if (only is null or "demo")
    await DemoBenchmark.RunAsync((what, measured) => table.AddRow(what, measured));
if (only is null or "cloud")
    await CloudBenchmark.RunAsync((what, measured) => table.AddRow(what, measured), withRollout: only is not null);
var complete = only is not (null or "fleet")
    || await FleetBenchmark.RunAsync((what, measured) => table.AddRow(what, measured), args.Length > 1 && int.TryParse(args[1], out var count) ? count : 300);
if (Console.IsOutputRedirected)
    AnsiConsole.Console.Profile.Width = 140;
AnsiConsole.Write(table);
Console.WriteLine($"on {Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024 * 1024 * 1024.0):0} GiB, {System.Runtime.InteropServices.RuntimeInformation.OSArchitecture}");
return complete ? 0 : 1;
