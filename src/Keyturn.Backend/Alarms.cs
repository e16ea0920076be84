using Keyturn.Backend.Ports;

namespace Keyturn.Backend;

internal static class Alarms
{
    /// <summary>Any message by the old certificate after the device committed to the new one only alarms.</summary>
    public static async Task<Refusal> OldAfterCommitAsync(this Notices notices, Rotation rotation, CancellationToken cancellation)
    {
        var refusal = Refusal.OldAfterCommit();
        try
        {
            await notices.SendOnceAsync(
                NoticeIds.OldAfterCommit(rotation),
                new Notice(NoticeKind.Alarm, rotation.Thing, rotation.JobId, rotation.RotationId, "create", refusal.Code, refusal.Reason,
                    rotation.InUse.Id, refusal.ToDo),
                cancellation);
        }
        catch (DependencyException exception)
        {
            throw new UntoldException(exception);
        }

        return refusal;
    }
}
