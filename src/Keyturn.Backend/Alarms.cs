using Keyturn.Backend.Ports;

namespace Keyturn.Backend;

internal static class Alarms
{
    /// <summary>A certificate that should have gone, or the one that should stay, is otherwise than it must be to go on.</summary>
    public static Task NotRetiredAsync(
        this Notices notices, Rotation rotation, string reason, CancellationToken cancellation, bool isLastChance = false) =>
        notices.SendOnceAsync(NoticeIds.NotRetired(rotation), Explanation.OfLoserLeft(rotation, reason), cancellation, isLastChance);

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
