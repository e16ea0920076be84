using System.Globalization;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>
/// AWS's <c>cron(minutes hours day-of-month month day-of-week year)</c> in UTC: numbers, names, lists, ranges, steps,
/// <c>*</c> and <c>?</c>; of the special letters <c>L</c> as day of the month.
/// </summary>
internal sealed class CronExpression
{
    private static readonly string[] Months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly HashSet<int> _minutes;
    private readonly HashSet<int> _hours;
    private readonly HashSet<int>? _daysOfMonth;
    private readonly HashSet<int> _months;
    private readonly HashSet<int>? _daysOfWeek;
    private readonly HashSet<int>? _years;
    private readonly bool _lastDay;

    private CronExpression(string source, string[] fields)
    {
        Source = source;
        _minutes = Field(fields[0], 0, 59, []);
        _hours = Field(fields[1], 0, 23, []);
        _lastDay = fields[2] == "L";
        _daysOfMonth = fields[2] is "?" or "L" ? null : Field(fields[2], 1, 31, []);
        _months = Field(fields[3], 1, 12, Months);
        _daysOfWeek = fields[4] == "?" ? null : Field(fields[4], 1, 7, Days);
        _years = fields[5] == "*" ? null : Field(fields[5], 1970, 2199, []);
        if (fields[2] == "?" == (fields[4] == "?"))
            throw new FormatException("exactly one of day-of-month and day-of-week must be ?");
    }

    public string Source { get; }

    /// <exception cref="FormatException">Not such an expression.</exception>
    public static CronExpression Parse(string text)
    {
        if (!text.StartsWith("cron(", StringComparison.Ordinal) || !text.EndsWith(')'))
            throw new FormatException("it is not of the form cron(…)");
        var fields = text[5..^1].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length == 6 ? new CronExpression(text, fields) : throw new FormatException("it has not six fields");
    }

    /// <summary>The first moment after the given one; null when there is none within five years.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        var day = new DateTimeOffset(after.UtcDateTime.Date, TimeSpan.Zero);
        for (var i = 0; i <= 5 * 366; i++, day = day.AddDays(1))
        {
            if (!Covers(day))
                continue;
            foreach (var hour in _hours.Order())
            {
                foreach (var minute in _minutes.Order())
                {
                    var moment = day.AddHours(hour).AddMinutes(minute);
                    if (moment > after)
                        return moment;
                }
            }
        }

        return null;
    }

    private bool Covers(DateTimeOffset day) =>
        _months.Contains(day.Month) && _years?.Contains(day.Year) != false
        && _daysOfMonth?.Contains(day.Day) != false
        && (!_lastDay || day.Day == DateTime.DaysInMonth(day.Year, day.Month))
        && _daysOfWeek?.Contains((int)day.DayOfWeek + 1) != false;

    private static HashSet<int> Field(string text, int min, int max, string[] names)
    {
        var values = new HashSet<int>();
        foreach (var part in text.Split(','))
        {
            var slash = part.Split('/');
            if (slash.Length > 2)
                throw new FormatException($"'{part}' has two steps");
            var step = slash.Length == 2 ? Number(slash[1], 1, max, []) : 1;
            var dash = slash[0].Split('-');
            var (from, to) = slash[0] == "*" ? (min, max)
                : dash.Length == 2 ? (Number(dash[0], min, max, names), Number(dash[1], min, max, names))
                : (Number(slash[0], min, max, names), slash.Length == 2 ? max : Number(slash[0], min, max, names));
            for (var value = from; value <= to; value += step)
                values.Add(value);
        }

        return values.Count > 0 ? values : throw new FormatException($"'{text}' names nothing");
    }

    private static int Number(string text, int min, int max, string[] names)
    {
        var named = Array.IndexOf(names, text.ToUpperInvariant());
        if (named >= 0)
            return named + min;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw new FormatException($"'{text}' is not between {min} and {max}");
    }
}
