namespace Keyturn.Contracts;

/// <summary>Values of <see cref="Rejected.Code"/>: what the device does next depends on them, never on the text beside them.</summary>
public static class RefusalCode
{
    /// <summary>Not the JSON this topic takes. Sending it again won't help.</summary>
    public const string MalformedRequest = "MALFORMED_REQUEST";

    /// <summary>The MQTT client id is not the thing's.</summary>
    public const string WrongClientId = "WRONG_CLIENT_ID";

    /// <summary>The certificate of the connection is not one of the thing's own, or not the one this step needs. Restart and say it again.</summary>
    public const string WrongPrincipal = "WRONG_PRINCIPAL";

    /// <summary>The job execution is not IN_PROGRESS, or the job is not a rotation.</summary>
    public const string JobNotInProgress = "JOB_NOT_IN_PROGRESS";

    /// <summary>The CSR breaks the policy: size, signature, algorithm, key strength or contents.</summary>
    public const string CsrRefused = "CSR_REFUSED";

    /// <summary>This public key was certified before, in another rotation.</summary>
    public const string KeyReused = "KEY_REUSED";

    /// <summary>Two keys asked for this rotation's certificate; nobody gets one until an operator decides.</summary>
    public const string RotationFrozen = "ROTATION_FROZEN";

    /// <summary>Another rotation of this thing is open.</summary>
    public const string RotationOpen = "ROTATION_OPEN";

    /// <summary>The thing holds an active certificate that the ledger does not know.</summary>
    public const string UnknownCertificate = "UNKNOWN_CERTIFICATE";

    /// <summary>The ledger knows no such rotation.</summary>
    public const string UnknownRotation = "UNKNOWN_ROTATION";

    /// <summary>Final: the rotation ended in favour of the old certificate. Go back to it.</summary>
    public const string ClosedInFavourOfOld = "CLOSED_OLD";

    /// <summary>The certificate authority, the registry or the ledger did not answer in time; nothing was changed.</summary>
    public const string TryAgain = "TRY_AGAIN";

    /// <summary>Every refusal of the reference backend reads so.</summary>
    public const string ReferenceText = "Pre-conditions not met";
}
