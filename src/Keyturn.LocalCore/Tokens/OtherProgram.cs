using System.ComponentModel;
using System.Diagnostics;

namespace Keyturn.LocalCore.Tokens;

/// <summary>A token, or one of the programs around it, does not do what it should; the message says what to install or look at.</summary>
internal sealed class TokenException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The programs that people provision tokens with.</summary>
internal static class OtherProgram
{
    public static string Run(string program, params IEnumerable<string> arguments)
    {
        using var process = Start(program, arguments);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? output
            : throw new TokenException($"{program} ended with {process.ExitCode}: {error.GetAwaiter().GetResult().Trim()}");
    }

    /// <summary>A program whose end is tied to ours, however we end: the shell waits for our side of the pipe to close.</summary>
    public static Process StartTied(string program, params IEnumerable<string> arguments) => Start(
        "sh", ["-c", """exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read _ <&3; kill $p; } 2>/dev/null & wait $p; kill $! 2>/dev/null""", "sh", program, .. arguments]);

    private static Process Start(string program, params IEnumerable<string> arguments)
    {
        try
        {
            var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
            return Process.Start(start)!;
        }
        catch (Win32Exception problem)
        {
            throw new TokenException($"{program} can't be started: {problem.Message}. Run script/bootstrap, which installs it", problem);
        }
    }
}
