using System.Collections.Immutable;
using System.Text;
using Keyturn.Contracts;

namespace Keyturn.Device.Rotation;

/// <summary>
/// The statusDetails map. The service takes printable values that are not empty, and an update's map replaces the one before, so each is whole.
/// </summary>
internal static class StatusDetails
{
    /// <summary>All values together stay under 1 KB; the others are short.</summary>
    private const int LongestText = 500;

    public static ImmutableSortedDictionary<string, string> Of(string step, CurrentRotation? rotation = null, string? reason = null)
    {
        var details = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        details[StatusDetailKeys.CertificateRotator] = "true";
        Put(StatusDetailKeys.Step, step, 120);
        Put(StatusDetailKeys.RotationId, rotation?.RotationId, 128);
        Put("certificateId", rotation?.CertificateId, 64);
        Put("note", rotation?.Note, 160);
        Put(StatusDetailKeys.Reason, reason, LongestText);
        return details.ToImmutable();

        void Put(string key, string? value, int longest)
        {
            if (Printable(value, longest) is { Length: > 0 } text)
                details[key] = text;
        }
    }

    public static string NameOf(JobStatus status) => status switch
    {
        JobStatus.Queued => "QUEUED",
        JobStatus.InProgress => "IN_PROGRESS",
        JobStatus.Succeeded => "SUCCEEDED",
        JobStatus.Failed => "FAILED",
        JobStatus.Rejected => "REJECTED",
        JobStatus.TimedOut => "TIMED_OUT",
        JobStatus.Canceled => "CANCELED",
        JobStatus.Removed => "REMOVED",
        _ => throw new ArgumentOutOfRangeException(nameof(status), status, null),
    };

    public static JobStatus? Parse(string? name) => name switch
    {
        "QUEUED" => JobStatus.Queued,
        "IN_PROGRESS" => JobStatus.InProgress,
        "SUCCEEDED" => JobStatus.Succeeded,
        "FAILED" => JobStatus.Failed,
        "REJECTED" => JobStatus.Rejected,
        "TIMED_OUT" => JobStatus.TimedOut,
        "CANCELED" => JobStatus.Canceled,
        "REMOVED" => JobStatus.Removed,
        _ => null,
    };

    private static string? Printable(string? text, int longest)
    {
        if (text is null)
            return null;
        var kept = new StringBuilder(Math.Min(text.Length, longest));
        foreach (var c in text)
        {
            if (kept.Length == longest)
                break;
            kept.Append(c is >= ' ' and <= '~' ? c : ' ');
        }
        return kept.ToString().Trim();
    }
}
