using System.Diagnostics;

namespace Keyturn.Cli.Tests.Components;

/// <summary>The program as a person runs it.</summary>
internal sealed record KeyturnProcess(int ExitCode, string Output, string Errors)
{
    /// <param name="endpoint">Null: no AWS, and no credentials either.</param>
    public static Task<KeyturnProcess> RunAsync(string? endpoint, params string[] arguments) => RunInAsync(AppContext.BaseDirectory, endpoint, arguments);

    /// <param name="directory">Where the program lies.</param>
    public static async Task<KeyturnProcess> RunInAsync(string directory, string? endpoint, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(directory, "keyturn"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("AWS_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        // No profile of this machine's, and no question to a metadata service.
        start.Environment["AWS_SHARED_CREDENTIALS_FILE"] = start.Environment["AWS_CONFIG_FILE"] = "/dev/null";
        start.Environment["HOME"] = Path.GetTempPath();
        start.Environment["AWS_EC2_METADATA_DISABLED"] = "true";
        start.Environment["AWS_REGION"] = "us-east-1";
        start.Environment["AWS_MAX_ATTEMPTS"] = "1";
        if (endpoint is not null)
        {
            start.Environment["AWS_ENDPOINT_URL"] = endpoint;
            start.Environment["AWS_ACCESS_KEY_ID"] = start.Environment["AWS_SECRET_ACCESS_KEY"] = "test";
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new KeyturnProcess(process.ExitCode, await output, await errors);
    }
}
