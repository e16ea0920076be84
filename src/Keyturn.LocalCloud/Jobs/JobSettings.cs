using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>The settings a job has, a template has, and UpdateJob changes.</summary>
internal sealed record JobSettings
{
    public string? Description { get; init; }

    public JsonObject? PresignedUrl { get; init; }

    public RolloutSettings? Rollout { get; init; }

    public AbortSettings? Abort { get; init; }

    public TimeSpan? InProgressTimeout { get; init; }

    public IReadOnlyList<RetryCriterion> Retries { get; init; } = [];

    public JobSchedule? Schedule { get; init; }
}

/// <param name="MaximumPerMinute">1 to 1000.</param>
internal sealed record RolloutSettings(int? MaximumPerMinute, ExponentialRate? Exponential)
{
    public const int FastestPerMinute = 1000;

    public int PerMinute(int notified, int succeeded)
    {
        var limit = MaximumPerMinute ?? FastestPerMinute;
        if (Exponential is not { } rate)
            return limit;
        var steps = rate.NotifiedThings is { } n ? notified / n : succeeded / rate.SucceededThings!.Value;
        return (int)Math.Min(limit, rate.BasePerMinute * Math.Pow(rate.Factor, Math.Min(steps, 1000)));
    }
}

/// <param name="NotifiedThings">The pace rises by the factor each time that so many more things were told of the job …</param>
/// <param name="SucceededThings">… or that so many more have succeeded.</param>
internal sealed record ExponentialRate(int BasePerMinute, double Factor, int? NotifiedThings, int? SucceededThings);

internal sealed record AbortSettings(IReadOnlyList<AbortCriterion> Criteria)
{
    /// <summary>Is a share of the things that were at it too large?</summary>
    public bool IsMet(IReadOnlyDictionary<ExecutionStatus, int> census)
    {
        var executed = Count(ExecutionStatus.Succeeded) + Count(ExecutionStatus.Failed) + Count(ExecutionStatus.Rejected)
            + Count(ExecutionStatus.TimedOut);
        return Criteria.Any(c => executed > 0 && executed >= c.MinimumThings
            && 100.0 * c.Failures.Sum(Count) / executed >= c.ThresholdPercentage);

        int Count(ExecutionStatus status) => census.GetValueOrDefault(status);
    }
}

internal sealed record AbortCriterion(string FailureType, double ThresholdPercentage, int MinimumThings)
{
    public IReadOnlyList<ExecutionStatus> Failures => FailureType switch
    {
        "FAILED" => [ExecutionStatus.Failed],
        "REJECTED" => [ExecutionStatus.Rejected],
        "TIMED_OUT" => [ExecutionStatus.TimedOut],
        _ => [ExecutionStatus.Failed, ExecutionStatus.Rejected, ExecutionStatus.TimedOut],
    };
}

internal sealed record RetryCriterion(string FailureType, int Retries)
{
    public bool Covers(ExecutionStatus status) => FailureType switch
    {
        "FAILED" => status == ExecutionStatus.Failed,
        "TIMED_OUT" => status == ExecutionStatus.TimedOut,
        _ => status is ExecutionStatus.Failed or ExecutionStatus.TimedOut,
    };
}
