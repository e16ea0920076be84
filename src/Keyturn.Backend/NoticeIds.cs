namespace Keyturn.Backend;

/// <summary>What counts as one matter, to be told once.</summary>
internal static class NoticeIds
{
    private const string OneOfItsKind = "event#";

    /// <summary>The rotation did not succeed, for whatever reason first came up.</summary>
    public static string Of(Rotation rotation) => Of(rotation.RotationId);

    public static string Of(string rotationId) => $"rotation#{rotationId}";

    /// <summary>An execution that the ledger never heard of: its event is the matter.</summary>
    public static string Of(JobEvent job) =>
        $"{(job.IsOneOfItsKind ? OneOfItsKind : "end#")}{job.JobId}#{job.EventId ?? FormattableString.Invariant($"{job.Status}#{job.At}")}";

    /// <summary>The name of an end that only one event can have announced: any other event is another execution's.</summary>
    public static bool IsOneOfItsKind(string? jobEnd) => jobEnd?.StartsWith(OneOfItsKind, StringComparison.Ordinal) == true;

    public static string OldAfterCommit(Rotation rotation) => $"old-after-commit#{rotation.RotationId}";

    /// <summary>One silence of a device, whether a rotation is open or not.</summary>
    public static string Silent(DateTimeOffset lastHeard) => FormattableString.Invariant($"silent#{lastHeard.ToUnixTimeMilliseconds()}");

    public static string OrphanLeft(string certificateId) => $"orphan-left#{certificateId}";

    public static string NotRetired(Rotation rotation) => $"not-retired#{rotation.RotationId}";
}
