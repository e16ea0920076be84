namespace Keyturn.Simulation;

/// <summary>A check that is taken out, around the product and not in it, to see that the simulation would notice.</summary>
internal enum Weakness
{
    None,

    /// <summary>The device takes an answer with any token for one to its own request.</summary>
    AnyToken,

    /// <summary>A commit counts whatever certificate it came with (I2).</summary>
    AnybodyCommits,

    /// <summary>The ledger's updates have no condition: one who read before another wrote overwrites what that wrote.</summary>
    AnyVersion,
}
