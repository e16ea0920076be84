namespace Keyturn.Device.Rotation;

/// <summary>What the machine wants done. Each one may be done twice: a crash before its outcome was journalled repeats it.</summary>
internal abstract record RotationEffect
{
    private RotationEffect()
    {
    }

    /// <param name="AfterPause">The last answer was "not now": wait for the backoff first.</param>
    public sealed record Ask(CloudRequest Request, bool AfterPause = false) : RotationEffect;

    /// <summary>Show the operator where the rotation stands: said once, and nothing waits for the answer.</summary>
    public sealed record Tell(CloudRequest.UpdateJob Update) : RotationEffect;

    /// <summary>Bring the credential in use into the store's form, and make a key beside it.</summary>
    public sealed record Prepare : RotationEffect;

    public sealed record StoreCertificate(string Credential, string CertificatePem) : RotationEffect;

    public sealed record Preflight(string Credential) : RotationEffect;

    public sealed record AwaitNoDeployment : RotationEffect;

    public sealed record SwitchTo(string Credential) : RotationEffect;

    /// <summary>Like <see cref="SwitchTo"/>, but whoever replaced the nucleus's files in the meantime keeps what they put there.</summary>
    public sealed record SwitchBackTo(string Credential) : RotationEffect;

    public sealed record RestartNucleus : RotationEffect;

    public sealed record Remove(string Credential) : RotationEffect;

    /// <summary>Remove every credential that is not in use.</summary>
    public sealed record Sweep : RotationEffect;

    public sealed record Compare(string Old, string New) : RotationEffect;

    public sealed record SetAlarm(Alarm Alarm, TimeSpan After) : RotationEffect;
}
