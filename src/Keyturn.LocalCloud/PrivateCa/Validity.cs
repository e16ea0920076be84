using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>Reads the end, or the beginning, of a certificate's validity.</summary>
internal static class Validity
{
    private static readonly MemberRule Types = new(values: ["END_DATE", "ABSOLUTE", "DAYS", "MONTHS", "YEARS"]);

    public static DateTimeOffset Read(JsonObject validity, DateTimeOffset now)
    {
        var type = validity.Text("acm-pca", "Type", Types) ?? throw RequestMembers.Missing("validity.type");
        var value = validity.Number("acm-pca", "Value") ?? throw RequestMembers.Missing("validity.value");
        if (value < 1)
        {
            throw RequestMembers.Invalid(
                $"1 validation error detected: Value '{value}' at 'validity.value' failed to satisfy constraint: Member must have value greater than or equal to 1");
        }

        try
        {
            return type switch
            {
                "DAYS" => now.AddDays(value),
                "MONTHS" => now.AddMonths(checked((int)value)),
                "YEARS" => now.AddYears(checked((int)value)),
                "ABSOLUTE" => DateTimeOffset.FromUnixTimeSeconds(value),
                _ => EndDate(value),
            };
        }
        catch (Exception e) when (e is ArgumentException or OverflowException)
        {
            throw PcaErrors.InvalidArgs("The validity is beyond what a certificate can hold.");
        }
    }

    /// <summary>YYMMDDHHMMSS, where 50 and above are of the last century, or YYYYMMDDHHMMSS.</summary>
    private static DateTimeOffset EndDate(long value)
    {
        var digits = value.ToString(CultureInfo.InvariantCulture);
        if (digits.Length <= 12)
        {
            digits = digits.PadLeft(12, '0');
            digits = (digits[0] >= '5' ? "19" : "20") + digits;
        }

        return DateTimeOffset.TryParseExact(digits, "yyyyMMddHHmmss", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment)
            ? moment
            : throw PcaErrors.InvalidArgs($"The END_DATE {value} is not of the form YYMMDDHHMMSS or YYYYMMDDHHMMSS.");
    }
}
