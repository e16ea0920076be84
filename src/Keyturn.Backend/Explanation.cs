using Keyturn.Backend.Ports;

namespace Keyturn.Backend;

/// <summary>What an operator reads about a rotation that did not succeed.</summary>
internal static class Explanation
{
    /// <summary>Not a refusal of ours: the device or the Jobs service ended the job.</summary>
    private const string JobEnded = "JOB_ENDED";

    public static Notice Of(JobEvent job, Rotation rotation) => rotation.State switch
    {
        RotationState.Committed => Failed(job, rotation, "commit",
            $"the job ended as {job.Status} after the device had committed to its new certificate{Said(job)}",
            $"Nothing: the device works with its new certificate. The old one, {rotation.Old.Id}, goes as soon as the device is heard again."),
        RotationState.ClosedNew => Failed(job, rotation, "commit",
            $"the job ended as {job.Status}, and the device works with its new certificate{Said(job)}", "Nothing: the old certificate goes."),
        RotationState.ClosedOld => Failed(job, rotation, "switch",
            $"the job ended as {job.Status}, and the device works with its old certificate{Said(job)}",
            "Nothing: the new certificate goes. Run the job again to rotate."),
        RotationState.Frozen => Failed(job, rotation, "create", Refusal.Frozen().Reason, Refusal.Frozen().ToDo),
        RotationState.Reconcile => Failed(job, rotation, "switch",
            $"the job ended as {job.Status} before the device committed to its new certificate{Said(job)}",
            $"Nothing: both certificates stay until the device shows which one it uses; the new one is {rotation.New!.Id}. Run the job again to rotate."),
        _ => Failed(job, rotation, "create",
            $"the job ended as {job.Status} before the certificate was complete{Said(job)}",
            "Nothing: the device keeps its certificate. Run the job again to rotate."),
    };

    public static Notice Of(JobEvent job, RecordedRefusal refusal) =>
        new(NoticeKind.RotationFailed, job.Thing, job.JobId, refusal.RotationId, job.Step ?? "create", refusal.Code, refusal.Reason, refusal.Principal,
            refusal.ToDo);

    /// <summary>
    /// The device never asked for a certificate. Whoever cancels or deletes a job knows it; a device that fails or falls silent is told of.
    /// </summary>
    public static Notice? Of(JobEvent job) => job.Status switch
    {
        _ when job.Deleted => null,
        "CANCELED" or "REMOVED" or JobEvent.DeletedStatus => null,
        "SUCCEEDED" => new Notice(NoticeKind.Alarm, job.Thing, job.JobId, null, job.Step ?? "start", JobEnded,
            "the job was reported as SUCCEEDED, but no certificate was issued in it", null,
            "Find out who reported it: the device's component never does so."),
        _ => new Notice(NoticeKind.RotationFailed, job.Thing, job.JobId, null, job.Step ?? "start", JobEnded,
            $"the job ended as {job.Status} before the device asked for a certificate{Said(job)}", null,
            "Nothing in the cloud: the device keeps its certificate. See the component's log on the device, then run the job again."),
    };

    /// <summary>Nobody heard how its job ended, and the device has begun another rotation.</summary>
    public static Notice OfSuperseded(Rotation rotation) =>
        new(NoticeKind.RotationFailed, rotation.Thing, rotation.JobId, rotation.RotationId, "create", JobEnded,
            "the job is over and the device did not commit to its new certificate; it has begun another rotation",
            rotation.InUse.Id, "Nothing: look at the later job.");

    public static Notice OfLoserLeft(Rotation rotation, string reason) =>
        new(NoticeKind.Alarm, rotation.Thing, rotation.JobId, rotation.RotationId, "close", "NOT_RETIRED", reason, rotation.InUse.Id,
            "Look at the thing's certificates (aws iot list-thing-principals-v2): exactly one should be active, the one the device uses.");

    public static Notice OfSilence(string thing, DateTimeOffset lastHeard, Rotation? open, string? inUse) =>
        new(NoticeKind.Alarm, thing, open?.JobId, open?.RotationId, open is null ? "rest" : "reconcile", "DEVICE_SILENT",
            FormattableString.Invariant($"the device was last heard at {lastHeard.UtcDateTime:yyyy-MM-dd HH:mm} UTC")
                + (open is null ? "" : "; its last rotation can't be ended before it is heard again"),
            inUse,
            "Find out whether the device is connected and its component runs. Nothing in the cloud was changed; once it is heard again, nothing is left to do.");

    public static Notice OfOrphanLeft(Rotation rotation, string certificateId) =>
        new(NoticeKind.Alarm, rotation.Thing, rotation.JobId, rotation.RotationId, "reconcile", "NOT_RETIRED",
            $"certificate {certificateId} was issued for this rotation's key and never recorded, but somebody attached it to a thing; it was left as it is",
            rotation.InUse.Id,
            "Find out who attached it and why; detach it or make it INACTIVE if nobody needs it.");

    private static Notice Failed(JobEvent job, Rotation rotation, string step, string reason, string toDo) =>
        new(NoticeKind.RotationFailed, job.Thing, job.JobId, rotation.RotationId, step, JobEnded, reason, rotation.InUse.Id, toDo);

    private static string Said(JobEvent job) => string.IsNullOrWhiteSpace(job.Reason) ? "" : $"; the device says: {job.Reason}";
}
