using Keyturn.Device.Credentials;
using Keyturn.Device.Systemd;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>
/// Nucleus lite: daemons that are units of systemd. One has the connection to the cloud and reads key and certificate at each attempt to connect. It is
/// restarted, not Greengrass: this component keeps running, and subscribes again.
/// </summary>
/// <param name="noDeployment">Completes when no deployment is under way.</param>
internal sealed class NucleusLite(Func<CancellationToken, Task> noDeployment, RunSystemctl systemctl, ILogger log) : INucleus
{
    public const string MqttDaemon = "ggl.core.iotcored.service";

    /// <summary>It reports the device's health over a subscription of its own, which the MQTT daemon takes with it.</summary>
    public const string StatusDaemon = "ggl.core.gg-fleet-statusd.service";

    public bool IsOutlived => true;

    /// <summary>systemd's name for one start of the daemon. Waited for: what is concluded from it must not be older than the question.</summary>
    public string Session => SessionAsync(CancellationToken.None).GetAwaiter().GetResult();

    /// <exception cref="CredentialException">Its daemon is not where it can be restarted.</exception>
    /// <exception cref="IOException">systemd does not answer now.</exception>
    public async Task CheckAsync(CancellationToken cancellation)
    {
        if (await ShowAsync("LoadState", cancellation).ConfigureAwait(false) is var state and not "loaded")
        {
            throw new CredentialException(
                $"this core runs Greengrass nucleus lite, and systemd says that {MqttDaemon} is '{state}': the daemon could not be restarted with a new certificate. "
                + "Nothing was changed. Install nucleus lite with its systemd units");
        }
    }

    public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => noDeployment(cancellation);

    public async Task<string?> RestartAsync(CancellationToken cancellation)
    {
        // Also where the machine does not ask first: when it goes back, and when the daemon has to be restarted once more.
        await noDeployment(cancellation).ConfigureAwait(false);
        try
        {
            var before = await SessionAsync(cancellation).ConfigureAwait(false);
            if ((await systemctl(["restart", MqttDaemon], cancellation).ConfigureAwait(false)).Problem is { } reason)
                return $"{reason}; does the component run with RequiresPrivilege? Restart {MqttDaemon} by hand";
            if (await SessionAsync(cancellation).ConfigureAwait(false) == before)
                return $"{MqttDaemon} was told to restart and did not; restart it by hand";
        }
        catch (IOException e)
        {
            return e.Message;
        }
        if ((await systemctl(["restart", StatusDaemon], cancellation).ConfigureAwait(false)).Problem is { } problem)
            Log.StatusDaemonNotRestarted(log, problem, StatusDaemon);
        return null;
    }

    /// <summary>The same for a daemon that has ended and for the time that it ran: whichever comes next is another one.</summary>
    private Task<string> SessionAsync(CancellationToken cancellation) => ShowAsync("InvocationID", cancellation);

    private async Task<string> ShowAsync(string property, CancellationToken cancellation)
    {
        var (output, problem) = await systemctl(["show", $"--property={property}", "--value", MqttDaemon], cancellation).ConfigureAwait(false);
        return problem is null ? output.Trim() : throw new IOException(
            $"systemd does not say how {MqttDaemon} is, which has to be restarted for a new certificate. See that systemd runs and that the component runs with RequiresPrivilege ({problem})");
    }
}
