using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>Other people's programs, run to their end.</summary>
internal static partial class Tool
{
    public static string Run(IReadOnlyDictionary<string, string> environment, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {error.GetAwaiter().GetResult()}{output}");
    }

    /// <summary>For native code: .NET keeps its own copy of the environment.</summary>
    public static void SetForModules(IReadOnlyDictionary<string, string> environment)
    {
        foreach (var (name, value) in environment)
            _ = SetEnvironment(name, value, 1);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironment(string name, string value, int overwrite);
}
