using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Settings from requests, within the bounds of the API model and of the documentation.</summary>
internal static class JobSettingsReader
{
    private const string Service = "iot";
    private static readonly MemberRule Description = new(0, 2028, @"[^\p{C}]*");
    private static readonly MemberRule RoleArn = new(20, 2048);

    /// <summary>What the request says replaces what the defaults (a template, the job as it is) say.</summary>
    public static JobSettings Read(JsonObject json, JobSettings defaults, bool isContinuous, DateTimeOffset now) => defaults with
    {
        Description = json.Text(Service, "description", Description) ?? defaults.Description,
        PresignedUrl = json.Object(Service, "presignedUrlConfig") is { } presigned ? Presigned(presigned) : defaults.PresignedUrl,
        Rollout = json.Object(Service, "jobExecutionsRolloutConfig") is { } rollout ? Rollout(rollout) : defaults.Rollout,
        Abort = json.Object(Service, "abortConfig") is { } abort ? Abort(abort) : defaults.Abort,
        InProgressTimeout = json.Object(Service, "timeoutConfig") is { } timeout ? Timeout(timeout) : defaults.InProgressTimeout,
        Retries = json.Object(Service, "jobExecutionsRetryConfig") is { } retry ? Retries(retry) : defaults.Retries,
        Schedule = json.Object(Service, "schedulingConfig") is { } schedule ? Schedule(schedule, isContinuous, now) : defaults.Schedule,
    };

    private static JsonObject Presigned(JsonObject json)
    {
        json.Text(Service, "roleArn", RoleArn);
        Number(json, "expiresInSec", 60, 3600);
        return json.DeepClone().AsObject();
    }

    private static RolloutSettings Rollout(JsonObject json)
    {
        var maximum = (int?)Number(json, "maximumPerMinute", 1, RolloutSettings.FastestPerMinute);
        if (json.Object(Service, "exponentialRate") is not { } rate)
            return new RolloutSettings(maximum, null);
        var criteria = rate.Object(Service, "rateIncreaseCriteria") ?? throw RequestMembers.Missing("rateIncreaseCriteria");
        var notified = (int?)Number(criteria, "numberOfNotifiedThings", 1, int.MaxValue);
        var succeeded = (int?)Number(criteria, "numberOfSucceededThings", 1, int.MaxValue);
        if (notified is null == succeeded is null)
            throw RequestMembers.Invalid("Exactly one of numberOfNotifiedThings and numberOfSucceededThings must be given.");
        return new RolloutSettings(maximum, new ExponentialRate(
            (int)Required(Number(rate, "baseRatePerMinute", 1, 1000), "baseRatePerMinute"),
            Required(Fraction(rate, "incrementFactor", 1.1, 5), "incrementFactor"), notified, succeeded));
    }

    private static AbortSettings Abort(JsonObject json) => new([.. Criteria(json, int.MaxValue).Select(c =>
    {
        if (Word(c, "action", "CANCEL") is null)
            throw RequestMembers.Missing("action");
        return new AbortCriterion(
            Word(c, "failureType", "FAILED", "REJECTED", "TIMED_OUT", "ALL") ?? throw RequestMembers.Missing("failureType"),
            Required(Fraction(c, "thresholdPercentage", 0, 100), "thresholdPercentage"),
            (int)Required(Number(c, "minNumberOfExecutedThings", 1, int.MaxValue), "minNumberOfExecutedThings"));
    })]);

    private static TimeSpan? Timeout(JsonObject json) =>
        Number(json, "inProgressTimeoutInMinutes", 1, 10080) is { } minutes ? TimeSpan.FromMinutes(minutes) : null;

    private static List<RetryCriterion> Retries(JsonObject json)
    {
        var criteria = Criteria(json, 2).Select(c => new RetryCriterion(
            Word(c, "failureType", "FAILED", "TIMED_OUT", "ALL") ?? throw RequestMembers.Missing("failureType"),
            (int)Required(Number(c, "numberOfRetries", 0, 10), "numberOfRetries"))).ToList();
        if (criteria.Select(c => c.FailureType).Distinct().Count() < criteria.Count || (criteria.Count > 1 && criteria.Exists(c => c.FailureType == "ALL")))
            throw RequestMembers.Invalid("The retry criteria overlap.");
        return criteria;
    }

    private static JobSchedule Schedule(JsonObject json, bool isContinuous, DateTimeOffset now)
    {
        var start = Moment(json, "startTime");
        var end = Moment(json, "endTime");
        var behavior = Word(json, "endBehavior", "STOP_ROLLOUT", "CANCEL", "FORCE_CANCEL");
        var windows = (json.Array(Service, "maintenanceWindows") ?? []).Select(w => Window(w as JsonObject)).ToList();
        if (start is not null && windows.Count > 0)
            throw RequestMembers.Invalid("startTime and maintenanceWindows exclude each other.");
        if (windows.Count > 0 && !isContinuous)
            throw RequestMembers.Invalid("maintenanceWindows are for CONTINUOUS jobs.");
        if (start < now || start > now.AddYears(1))
            throw RequestMembers.Invalid("startTime must lie between now and a year from now.");
        if (end is not null && end < (start ?? now).AddMinutes(30))
            throw RequestMembers.Invalid("endTime must lie at least 30 minutes after startTime.");
        if (behavior is not null && end is null)
            throw RequestMembers.Invalid("endBehavior needs an endTime.");
        return new JobSchedule(start, end, behavior ?? "STOP_ROLLOUT", windows);
    }

    private static MaintenanceWindow Window(JsonObject? json)
    {
        if (json is null)
            throw RequestMembers.Invalid("A maintenance window is not a structure.");
        var start = json.Text(Service, "startTime") ?? throw RequestMembers.Missing("startTime");
        try
        {
            return new MaintenanceWindow(
                CronExpression.Parse(start), (int)Required(Number(json, "durationInMinutes", 1, 1430), "durationInMinutes"));
        }
        catch (FormatException e)
        {
            throw RequestMembers.Invalid($"The startTime of a maintenance window, '{start}', can't be read: {e.Message}.");
        }
    }

    private static DateTimeOffset? Moment(JsonObject json, string name)
    {
        if (json.Text(Service, name) is not { } text)
            return null;
        return DateTimeOffset.TryParseExact(
            text, ["yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd HH:mm", "yyyy-MM-dd'T'HH:mm:ss'Z'", "yyyy-MM-dd'T'HH:mmzzz"],
            CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var moment)
            ? moment
            : throw RequestMembers.Invalid($"'{text}' at '{name}' is not a date and time.");
    }

    private static List<JsonObject> Criteria(JsonObject json, int max)
    {
        var list = json.Array(Service, "criteriaList") ?? throw RequestMembers.Missing("criteriaList");
        if (list.Count == 0 || list.Count > max)
            throw RequestMembers.Invalid($"criteriaList has {list.Count} entries.");
        return [.. list.Select(c => c as JsonObject ?? throw RequestMembers.Invalid("An entry of criteriaList is not a structure."))];
    }

    private static string? Word(JsonObject json, string name, params string[] values) => json.Text(Service, name, new MemberRule(values: values));

    private static long? Number(JsonObject json, string name, long min, long max) => json.Number(Service, name) is not { } value ? null
        : value >= min && value <= max ? value
        : throw RequestMembers.Invalid($"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must have value between {min} and {max}");

    private static double? Fraction(JsonObject json, string name, double min, double max) => json[name] switch
    {
        null => null,
        JsonValue value when value.GetValueKind() == JsonValueKind.Number && value.TryGetValue(out double number) =>
            number >= min && number <= max ? number : throw RequestMembers.Invalid($"'{name}' must lie between {min} and {max}."),
        _ => throw RequestMembers.Invalid($"'{name}' is not a number."),
    };

    private static T Required<T>(T? value, string name) where T : struct => value ?? throw RequestMembers.Missing(name);
}
