using System.Globalization;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Jobs;

namespace Keyturn.LocalCloud.EventBridge;

/// <summary>
/// <c>rate(5 minutes)</c>, counted from the rule's making, or <c>cron(…)</c> in UTC.
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
/// </summary>
internal sealed partial class ScheduleExpression
{
    private readonly TimeSpan? _every;
    private readonly CronExpression? _cron;

    private ScheduleExpression(TimeSpan every) => _every = every;

    private ScheduleExpression(CronExpression cron) => _cron = cron;

    /// <returns>Null for what is not such an expression.</returns>
    public static ScheduleExpression? Parse(string text)
    {
        if (text.StartsWith("cron(", StringComparison.Ordinal))
        {
            try
            {
                return new ScheduleExpression(CronExpression.Parse(text));
            }
            catch (FormatException)
            {
                return null;
            }
        }

        var match = Rate().Match(text);
        if (!match.Success || !int.TryParse(match.Groups["n"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count < 1)
            return null;
        var unit = match.Groups["unit"].Value;
        // One is "minute", more are "minutes": EventBridge insists.
        if (count == 1 == unit.EndsWith('s'))
            return null;
        return new ScheduleExpression(count * (unit.TrimEnd('s') switch
        {
            "minute" => TimeSpan.FromMinutes(1),
            "hour" => TimeSpan.FromHours(1),
            _ => TimeSpan.FromDays(1),
        }));
    }

    /// <summary>The first moment after <paramref name="last"/>; null when there is none any more.</summary>
    public DateTimeOffset? Next(DateTimeOffset last) => _every is { } every ? last + every : _cron!.Next(last);

    [GeneratedRegex(@"\Arate\((?<n>[0-9]{1,9}) (?<unit>minutes?|hours?|days?)\)\z", RegexOptions.ExplicitCapture)]
    private static partial Regex Rate();
}
