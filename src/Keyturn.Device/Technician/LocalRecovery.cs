using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Technician;

/// <summary>
/// The part of <c>Next(journalled state, Restarted)</c> that needs this disk and nothing else. The journal stays as it is: whoever has the nucleus and the
/// cloud does the same again, and all of it may be done twice. Only so the state does not claim more than happened, such as a nucleus younger than a switch.
/// </summary>
internal sealed class LocalRecovery(RotationState state)
{
    private readonly RotationEffect[] _effects = RotationMachine.Next(state, new RotationEvent.Restarted("")).Effects;

    public IEnumerable<string> OnThisDisk => Local.Select(Describe);

    public IEnumerable<string> ByTheComponent => _effects.Except(Local).Select(Describe).Where(text => text.Length > 0);

    public void Run(ICredentialStore store)
    {
        foreach (var effect in Local)
        {
            if (effect is RotationEffect.Remove remove)
                store.Remove(remove.Credential);
            else if (effect is RotationEffect.SwitchTo to)
                store.SwitchTo(to.Credential, mustBeReached: true);
            else if (effect is RotationEffect.SwitchBackTo back)
                store.SwitchTo(back.Credential, mustBeReached: false);
        }
    }

    /// <summary>A sweep is left out: it waits for the cloud's word on which certificate is in use.</summary>
    private IEnumerable<RotationEffect> Local => _effects.Where(e => e is RotationEffect.SwitchTo or RotationEffect.SwitchBackTo or RotationEffect.Remove);

    private static string Describe(RotationEffect effect) => effect switch
    {
        RotationEffect.SwitchTo e => $"lead the nucleus's paths to {e.Credential}",
        RotationEffect.SwitchBackTo e => $"lead the nucleus's paths back to {e.Credential}",
        RotationEffect.Remove e => $"remove {e.Credential}, which was never in use",
        RotationEffect.RestartNucleus => "restart Greengrass, which has not read its credential since the switch",
        RotationEffect.Preflight e => $"try {e.Credential} on a connection of its own",
        RotationEffect.AwaitNoDeployment => "switch, once no deployment is under way",
        RotationEffect.Ask { Request: CloudRequest.NextJob } => "ask for the next job",
        RotationEffect.Ask { Request: CloudRequest.DescribeJob e } => $"ask how job {e.JobId} stands",
        RotationEffect.Ask { Request: CloudRequest.UpdateJob e } => $"report job {e.JobId} as {StatusDetails.NameOf(e.Status)}",
        RotationEffect.Ask { Request: CloudRequest.Create e } => $"send the certificate request of {e.Credential} again",
        RotationEffect.Ask { Request: CloudRequest.Commit } => "ask the backend for its decision again",
        RotationEffect.Ask { Request: CloudRequest.Attest } => "tell the backend which certificate is in use",
        _ => "",
    };
}
