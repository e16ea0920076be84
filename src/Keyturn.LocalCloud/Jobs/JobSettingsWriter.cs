using System.Globalization;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Settings as DescribeJob and DescribeJobTemplate show them. Members without a value are left out.</summary>
internal static class JobSettingsWriter
{
    public static void Write(this JobSettings settings, JsonObject json)
    {
        json.Put("description", settings.Description);
        json.Put("presignedUrlConfig", settings.PresignedUrl?.DeepClone());
        json.Put("jobExecutionsRolloutConfig", settings.Rollout is { } rollout ? Rollout(rollout) : null);
        json.Put("abortConfig", settings.Abort is { } abort ? new JsonObject { ["criteriaList"] = new JsonArray([.. abort.Criteria.Select(Criterion)]) } : null);
        json.Put("timeoutConfig", settings.InProgressTimeout is { } timeout ? new JsonObject { ["inProgressTimeoutInMinutes"] = (long)timeout.TotalMinutes } : null);
        if (settings.Retries.Count > 0)
            json["jobExecutionsRetryConfig"] = new JsonObject { ["criteriaList"] = new JsonArray([.. settings.Retries.Select(Criterion)]) };
        json.Put("schedulingConfig", settings.Schedule is { } schedule ? Schedule(schedule) : null);
    }

    public static void Put(this JsonObject json, string name, JsonNode? value)
    {
        if (value is not null)
            json[name] = value;
    }

    /// <summary>The control plane's timestamps: epoch seconds with a fraction.</summary>
    public static double Epoch(this DateTimeOffset moment) => moment.ToUnixTimeMilliseconds() / 1000.0;

    private static JsonObject Rollout(RolloutSettings rollout)
    {
        var json = new JsonObject();
        json.Put("maximumPerMinute", rollout.MaximumPerMinute);
        if (rollout.Exponential is { } rate)
        {
            var criteria = new JsonObject();
            criteria.Put("numberOfNotifiedThings", rate.NotifiedThings);
            criteria.Put("numberOfSucceededThings", rate.SucceededThings);
            json["exponentialRate"] = new JsonObject
            {
                ["baseRatePerMinute"] = rate.BasePerMinute, ["incrementFactor"] = rate.Factor, ["rateIncreaseCriteria"] = criteria,
            };
        }

        return json;
    }

    private static JsonNode Criterion(AbortCriterion criterion) => new JsonObject
    {
        ["failureType"] = criterion.FailureType, ["action"] = "CANCEL", ["thresholdPercentage"] = criterion.ThresholdPercentage,
        ["minNumberOfExecutedThings"] = criterion.MinimumThings,
    };

    private static JsonNode Criterion(RetryCriterion criterion) =>
        new JsonObject { ["failureType"] = criterion.FailureType, ["numberOfRetries"] = criterion.Retries };

    private static JsonObject Schedule(JobSchedule schedule)
    {
        var json = new JsonObject();
        json.Put("startTime", Minute(schedule.Start));
        json.Put("endTime", Minute(schedule.End));
        if (schedule.End is not null)
            json["endBehavior"] = schedule.EndBehavior;
        if (schedule.Windows.Count > 0)
        {
            json["maintenanceWindows"] = new JsonArray([.. schedule.Windows.Select(w => (JsonNode)new JsonObject
            {
                ["startTime"] = w.Recurrence.Source, ["durationInMinutes"] = w.DurationInMinutes,
            })]);
        }

        return json;
    }

    private static string? Minute(DateTimeOffset? moment) => moment?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture);
}
