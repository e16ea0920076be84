namespace Keyturn.Device.Rotation;

/// <summary>How long to wait before a request is said again: exponential, with jitter, so that a fleet that lost its cloud does not return as one.</summary>
internal static class RetryPolicy
{
    /// <summary>Longer than the reference backend can be at work on one <c>create</c>.</summary>
    public static readonly TimeSpan ReferencePause = TimeSpan.FromSeconds(130);

    /// <param name="sent">How often the request was sent already, at least once.</param>
    /// <param name="random">Between 0 and 1.</param>
    public static TimeSpan Pause(CloudRequest request, int sent, double random)
    {
        var (first, longest) = request switch
        {
            CloudRequest.Create { IsForReference: true } => (ReferencePause, TimeSpan.FromMinutes(10)),
            CloudRequest.Create or CloudRequest.Commit => (TimeSpan.FromSeconds(15), TimeSpan.FromMinutes(5)),
            CloudRequest.Attest => (TimeSpan.FromMinutes(1), TimeSpan.FromDays(1)),
            _ => (TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(2)),
        };
        var seconds = Math.Min(first.TotalSeconds * Math.Pow(2, Math.Min(sent - 1, 30)), longest.TotalSeconds);
        return TimeSpan.FromSeconds(Math.Max(first.TotalSeconds, seconds * (0.75 + random * 0.5)));
    }
}
