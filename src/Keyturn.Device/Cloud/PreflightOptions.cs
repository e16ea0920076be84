namespace Keyturn.Device.Cloud;

internal enum PreflightMode
{
    /// <summary>Try the new certificate before the switch; go on if a connection beside the nucleus can't be had at all.</summary>
    Auto,

    /// <summary>Try it, and switch to nothing that did not pass.</summary>
    On,

    /// <summary>Switch without a try. The trial after the switch stays.</summary>
    Off,
}

/// <param name="Limit">Refused or unreachable for so long, the new certificate has not passed: policies take a while to reach every server.</param>
internal sealed record PreflightOptions(PreflightMode Mode, TimeSpan Limit)
{
    public static readonly PreflightOptions Default = new(PreflightMode.Auto, TimeSpan.FromSeconds(150));
}
