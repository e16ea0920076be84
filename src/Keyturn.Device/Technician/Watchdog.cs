using Keyturn.Device.Rotation;

namespace Keyturn.Device.Technician;

/// <summary>
/// Goes back to the old credential when the nucleus has not come up with the new one. It asks for no evidence: as long as the component has not said so
/// itself, no commit was sent, and the backend holds to the old one.
/// </summary>
internal static class Watchdog
{
    /// <summary>Longer than the component itself tries to have the nucleus restarted.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(30);

    /// <summary>What it found, and whether the nucleus has to be restarted for it.</summary>
    public static (string Report, bool WentBack) Look(CoreOnDisk core, LockedJournal locked)
    {
        if (locked is not { Entry: { State: RotationState.Trial { Reconnected: false } trial } entry, Journal: { } journal })
            return ($"nothing to watch: the journal says {locked.Entry.State.GetType().Name}", false);
        if (journal.AgeOf(entry) is var age && age < Deadline)
            return ($"waiting: Greengrass was told to restart {age.TotalMinutes:0} minutes ago and has {Deadline.TotalMinutes:0}", false);
        var step = RotationMachine.Next(trial, new RotationEvent.AlarmRang(Alarm.Overdue));
        journal.Append(entry, step.State);
        // The component does it again when it runs, and reports it.
        new LocalRecovery(step.State).Run(core.Store);
        return ($"went back to {trial.Rotation.Old}: Greengrass has not come up for {age.TotalMinutes:0} minutes since the switch to {trial.Rotation.New}", true);
    }
}
