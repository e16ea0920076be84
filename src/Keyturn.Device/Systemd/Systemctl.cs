namespace Keyturn.Device.Systemd;

internal static class Systemctl
{
    /// <returns>The reason if it could not be done, and nothing otherwise.</returns>
    public static Task<string?> RunAsync(TimeProvider time, CancellationToken cancellation, params string[] arguments) =>
        Command.RunAsync(time, "systemctl", arguments, cancellation);
}
