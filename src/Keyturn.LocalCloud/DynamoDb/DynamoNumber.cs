using System.Globalization;
using System.Numerics;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>A number of up to 38 significant digits, from 1E-130 to 9.99…E+125: coefficient × 10^exponent, without trailing zeros.</summary>
internal readonly record struct DynamoNumber : IComparable<DynamoNumber>
{
    private const int MaxDigits = 38;
    private const int MaxMagnitude = 125;
    private const int MinMagnitude = -130;

    private readonly BigInteger _coefficient;
    private readonly int _exponent;

    private DynamoNumber(BigInteger coefficient, int exponent) => (_coefficient, _exponent) = (coefficient, exponent);

    public int Digits => BigInteger.Abs(_coefficient).ToString(CultureInfo.InvariantCulture).Length;

    public static DynamoNumber Of(long value) => Normalized(value, 0);

    public static DynamoNumber Parse(string text)
    {
        var span = text.AsSpan();
        var negative = span.StartsWith("-", StringComparison.Ordinal);
        if (negative || span.StartsWith("+", StringComparison.Ordinal))
            span = span[1..];
        var exponent = 0;
        if (span.IndexOfAny('e', 'E') is >= 0 and var mark)
        {
            var power = span[(mark + 1)..];
            if (power.Length is 0 or > 9 || !int.TryParse(power, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
                throw NoNumber(text);
            span = span[..mark];
        }

        var point = span.IndexOf('.');
        var whole = point < 0 ? span : span[..point];
        var fraction = point < 0 ? [] : span[(point + 1)..];
        if (whole.Length + fraction.Length == 0 || whole.ContainsAnyExceptInRange('0', '9') || fraction.ContainsAnyExceptInRange('0', '9'))
            throw NoNumber(text);
        var digits = string.Concat(whole, fraction).TrimStart('0');
        exponent -= fraction.Length;
        var significant = digits.TrimEnd('0');
        exponent += digits.Length - significant.Length;
        if (significant.Length == 0)
            return default;
        if (significant.Length > MaxDigits)
            throw DynamoDbErrors.Validation("Attempting to store more than 38 significant digits in a Number");
        var coefficient = BigInteger.Parse(significant, CultureInfo.InvariantCulture);
        return Checked(new DynamoNumber(negative ? -coefficient : coefficient, exponent));
    }

    public static DynamoNumber operator +(DynamoNumber left, DynamoNumber right)
    {
        var exponent = Math.Min(left._exponent, right._exponent);
        return Normalized(left.Scaled(exponent) + right.Scaled(exponent), exponent);
    }

    public static DynamoNumber operator -(DynamoNumber left, DynamoNumber right) => left + new DynamoNumber(-right._coefficient, right._exponent);

    public int CompareTo(DynamoNumber other)
    {
        var exponent = Math.Min(_exponent, other._exponent);
        return Scaled(exponent).CompareTo(other.Scaled(exponent));
    }

    /// <summary>In plain notation, as DynamoDB gives numbers back.</summary>
    public override string ToString()
    {
        var digits = BigInteger.Abs(_coefficient).ToString(CultureInfo.InvariantCulture);
        var sign = _coefficient.Sign < 0 ? "-" : "";
        if (_exponent >= 0)
            return sign + digits + new string('0', _exponent);
        var point = digits.Length + _exponent;
        return point > 0 ? $"{sign}{digits[..point]}.{digits[point..]}" : $"{sign}0.{new string('0', -point)}{digits}";
    }

    private BigInteger Scaled(int exponent) => _coefficient * BigInteger.Pow(10, _exponent - exponent);

    private static DynamoNumber Normalized(BigInteger coefficient, int exponent)
    {
        if (coefficient.IsZero)
            return default;
        while (BigInteger.Remainder(coefficient, 10).IsZero)
        {
            coefficient /= 10;
            exponent++;
        }

        var number = new DynamoNumber(coefficient, exponent);
        return number.Digits > MaxDigits
            ? throw DynamoDbErrors.Validation("Attempting to store more than 38 significant digits in a Number")
            : Checked(number);
    }

    private static DynamoNumber Checked(DynamoNumber number)
    {
        var magnitude = number.Digits - 1 + number._exponent;
        if (magnitude > MaxMagnitude)
            throw DynamoDbErrors.Validation("Number overflow. Attempting to store a number with magnitude larger than supported range");
        if (magnitude < MinMagnitude)
            throw DynamoDbErrors.Validation("Number underflow. Attempting to store a number with magnitude smaller than supported range");
        return number;
    }

    private static Api.ApiException NoNumber(string text) =>
        DynamoDbErrors.Validation($"The parameter cannot be converted to a numeric value: {(text.Length > 100 ? text[..100] : text)}".TrimEnd(' ', ':'));
}
