using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc;

/// <summary>Where the nucleus is, who this component is, and how long and how much to wait for.</summary>
public sealed class GreengrassIpcOptions
{
    /// <summary>The variable in which a nucleus tells a component where its socket or pipe is.</summary>
    public const string SocketPathVariable = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT";

    /// <summary>The variable in which a nucleus gives a component its token. It is new after each start of the nucleus.</summary>
    public const string AuthTokenVariable = "SVCUID";

    /// <summary>The longest message nucleus lite takes, in bytes: set <see cref="MaxMessageBytes"/> to it to refuse longer ones here, with a reason.</summary>
    public const int NucleusLiteMaxMessageBytes = 10_000;

    /// <summary>
    /// Path of the nucleus's Unix domain socket, absolute or relative to the working directory, or name of its pipe (<c>\\.\pipe\…</c>).
    /// </summary>
    public required string SocketPath { get; init; }

    /// <summary>The component's token, <c>SVCUID</c>. Null to introduce the component by <see cref="ComponentName"/> alone.</summary>
    public string? AuthToken { get; init; }

    /// <summary>
    /// The component's name. If set, it is tried when the token is refused: nucleus lite then checks the systemd unit of this process. A token is
    /// void on nucleus lite once its IPC daemon has restarted.
    /// </summary>
    public string? ComponentName { get; init; }

    /// <summary>
    /// Time for opening the socket, and again for being accepted, for each of the two introductions. 30 seconds by default: hosts are slow after a boot.
    /// </summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Time for the answer to a call. 30 seconds by default. A nucleus whose certificate the cloud rejects never answers a subscription.
    /// </summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Events that a subscription keeps until they are read, 128 by default. One more ends it: <see cref="IpcSubscriptionOverflowException"/>.</summary>
    public int SubscriptionCapacity { get; init; } = 128;

    /// <summary>
    /// The longest message to send or accept, in bytes with framing and headers; the format's own limit, 24 MiB, by default.
    /// </summary>
    public int MaxMessageBytes { get; init; } = EventStreamLimits.MaxMessageBytes;

    /// <summary>The clock for all time limits.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Opens the duplex stream to the nucleus, in place of the socket or pipe at the given <see cref="SocketPath"/>.</summary>
    public Func<string, CancellationToken, Task<Stream>>? OpenTransport { get; init; }

    /// <summary>What the nucleus gives to a component in its environment.</summary>
    /// <param name="componentName">The component's own name, for nucleus lite: see <see cref="ComponentName"/>.</param>
    /// <exception cref="InvalidOperationException">This process was not started by a nucleus.</exception>
    public static GreengrassIpcOptions FromEnvironment(string? componentName = null) =>
        FromEnvironment(Environment.GetEnvironmentVariable, componentName);

    internal static GreengrassIpcOptions FromEnvironment(Func<string, string?> variable, string? componentName)
    {
        var path = variable(SocketPathVariable);
        var token = variable(AuthTokenVariable);
        if (string.IsNullOrEmpty(path) || (string.IsNullOrEmpty(token) && componentName is null))
        {
            throw new InvalidOperationException(
                $"{SocketPathVariable} and {AuthTokenVariable} must be set: a Greengrass nucleus sets them for the components it starts.");
        }

        return new GreengrassIpcOptions { SocketPath = path, AuthToken = string.IsNullOrEmpty(token) ? null : token, ComponentName = componentName };
    }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(SocketPath);
        if (string.IsNullOrEmpty(AuthToken) && string.IsNullOrEmpty(ComponentName))
            throw new ArgumentException($"Set {nameof(AuthToken)}, {nameof(ComponentName)}, or both.");
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(CallTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(SubscriptionCapacity, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, EventStreamLimits.MinMessageBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxMessageBytes, EventStreamLimits.MaxMessageBytes);
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }
}
