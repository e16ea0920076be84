namespace Keyturn.Device;

/// <summary>The Greengrass nucleus that this component runs under.</summary>
internal interface INucleus
{
    /// <summary>Another one after each start of the nucleus. It is no secret.</summary>
    string Session { get; }

    /// <summary>Completes when no deployment is under way.</summary>
    Task WaitForNoDeploymentAsync(CancellationToken cancellation);

    /// <summary>Makes the nucleus read its credential anew. Returns the reason if that can't be done, and nothing if it is about to happen.</summary>
    Task<string?> RestartAsync(CancellationToken cancellation);
}
