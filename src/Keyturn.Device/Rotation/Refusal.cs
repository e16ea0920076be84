using Keyturn.Contracts;

namespace Keyturn.Device.Rotation;

/// <summary>What a refused request means for what the device does next.</summary>
internal enum RefusalClass
{
    /// <summary>Say it again later.</summary>
    Retry,

    /// <summary>It stays refused.</summary>
    Final,

    /// <summary>The nucleus still speaks with another credential: restart it and say it again.</summary>
    RestartNucleus,

    /// <summary>No code at all: the reference backend.</summary>
    Uncoded,
}

/// <summary>A <c>…/rejected</c> message. Decisions hang on the code, never on the text.</summary>
/// <param name="CarriedToken">It echoes our clientToken, which the reference backend never does.</param>
internal sealed record Refusal(string Message, string? Code = null, bool? Retryable = null, bool CarriedToken = false)
{
    public RefusalClass OfCreate => this switch
    {
        { Retryable: true } or { Code: RefusalCode.TryAgain } => RefusalClass.Retry,
        { Code: null } => RefusalClass.Uncoded,
        _ => RefusalClass.Final,
    };

    public RefusalClass OfCommit => this switch
    {
        { Code: RefusalCode.WrongPrincipal } => RefusalClass.RestartNucleus,
        // A freeze never ends in this rotation: whoever waits for it takes no other job.
        { Code: RefusalCode.ClosedInFavourOfOld or RefusalCode.RotationFrozen } => RefusalClass.Final,
        { Code: null, Retryable: not true } => RefusalClass.Uncoded,
        // A commit is never given up for another reason: only the ledger's word that it is never accepted ends it.
        _ => RefusalClass.Retry,
    };

    public string Describe() => Code is null ? Message : $"{Message} [{Code}]";
}
