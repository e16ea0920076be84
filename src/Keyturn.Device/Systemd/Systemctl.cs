namespace Keyturn.Device.Systemd;

/// <summary>Runs systemctl. The problem is the reason if that failed.</summary>
internal delegate Task<(string Output, string? Problem)> RunSystemctl(string[] arguments, CancellationToken cancellation);

internal static class Systemctl
{
    public static RunSystemctl By(TimeProvider time) => (arguments, cancellation) => Command.ReadAsync(time, "systemctl", arguments, cancellation);

    /// <returns>The reason if it could not be done, and nothing otherwise.</returns>
    public static Task<string?> RunAsync(TimeProvider time, CancellationToken cancellation, params string[] arguments) =>
        Command.RunAsync(time, "systemctl", arguments, cancellation);
}
