namespace Keyturn.Backend.Ports;

/// <summary>Reaches the operators.</summary>
public interface INotifier
{
    Task NotifyAsync(Notice notice, CancellationToken cancellation);
}

/// <param name="Kind">What a subscriber may filter by.</param>
/// <param name="JobId">Null when it is about no job.</param>
/// <param name="Step">How far the rotation came.</param>
/// <param name="InUse">The certificate the device can use now, as far as the backend knows.</param>
/// <param name="ToDo">What the operator can do, or that nothing is needed.</param>
public sealed record Notice(
    NoticeKind Kind, string Thing, string? JobId, string? RotationId, string Step, string Code, string Reason, string? InUse, string ToDo);

public enum NoticeKind
{
    /// <summary>A rotation did not succeed; the device works.</summary>
    RotationFailed,

    /// <summary>Something that only an operator can judge.</summary>
    Alarm,
}
