namespace Keyturn.Device;

/// <summary>The Greengrass nucleus that this component runs under.</summary>
internal interface INucleus
{
    /// <summary>Another one after each start of what holds the connection to the cloud. It is no secret.</summary>
    /// <exception cref="IOException">It can't be told now; nothing may be concluded from the last one.</exception>
    string Session { get; }

    /// <summary>This component goes on while the nucleus reads its credential anew. Otherwise it ends with the nucleus, and is started again.</summary>
    bool IsOutlived => false;

    /// <summary>Completes when no deployment is under way.</summary>
    Task WaitForNoDeploymentAsync(CancellationToken cancellation);

    /// <summary>
    /// Makes the nucleus read its credential anew. Returns the reason if that can't be done, and nothing if it is about to happen, or, where it is outlived,
    /// if it has happened.
    /// </summary>
    Task<string?> RestartAsync(CancellationToken cancellation);
}
