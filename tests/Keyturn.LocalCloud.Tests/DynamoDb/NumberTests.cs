using CsCheck;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class NumberTests
{
    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0.00", "0")]
    [InlineData("007", "7")]
    [InlineData("1.50", "1.5")]
    [InlineData("-12e2", "-1200")]
    [InlineData("+1E-3", "0.001")]
    [InlineData(".5", "0.5")]
    [InlineData("5.", "5")]
    [InlineData("12345678901234567890123456789012345678", "12345678901234567890123456789012345678")]
    [InlineData("100000000000000000000000000000000000000000", "100000000000000000000000000000000000000000")]
    public void A_number_comes_back_in_plain_notation(string text, string shown) => Assert.Equal(shown, DynamoNumber.Parse(text).ToString());

    [Theory]
    [InlineData("", "cannot be converted to a numeric value")]
    [InlineData("abc", "cannot be converted to a numeric value: abc")]
    [InlineData("1 2", "cannot be converted")]
    [InlineData("--1", "cannot be converted")]
    [InlineData("1e", "cannot be converted")]
    [InlineData("1e99999999999", "cannot be converted")]
    [InlineData("NaN", "cannot be converted")]
    [InlineData(".", "cannot be converted")]
    [InlineData("٣", "cannot be converted")]
    [InlineData("123456789012345678901234567890123456789", "more than 38 significant digits")]
    [InlineData("1e126", "overflow")]
    [InlineData("-1e126", "overflow")]
    [InlineData("1e-131", "underflow")]
    public void What_is_no_number_of_the_range_is_refused(string text, string reason)
    {
        var refused = Assert.ThrowsAny<ApiException>(() => DynamoNumber.Parse(text));

        Assert.Equal("ValidationException", refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Sums_and_order_agree_with_whole_numbers() => Gen.Select(Gen.Long[-1_000_000_000, 1_000_000_000], Gen.Long[-1_000_000_000, 1_000_000_000]).Sample(
        (a, b) =>
        {
            var (x, y) = (DynamoNumber.Of(a), DynamoNumber.Of(b));
            Assert.Equal(DynamoNumber.Of(a + b), x + y);
            Assert.Equal(DynamoNumber.Of(a - b), x - y);
            Assert.Equal(a.CompareTo(b), x.CompareTo(y));
            Assert.Equal(x, DynamoNumber.Parse(x.ToString()));
        });

    [Fact]
    public void A_sum_beyond_38_digits_is_refused() => Assert.ThrowsAny<ApiException>(() => DynamoNumber.Parse("1e100") + DynamoNumber.Parse("1"));

    [Fact]
    public void Any_text_is_a_number_or_refused() => Gen.OneOf(Gen.String, Gen.OneOf('0', '9', '.', '-', '+', 'e', 'E').Array[0, 12].Select(c => new string(c))).Sample(
        text =>
        {
            try
            {
                var number = DynamoNumber.Parse(text);
                Assert.Equal(number, DynamoNumber.Parse(number.ToString()));
            }
            catch (ApiException e)
            {
                Assert.Equal("ValidationException", e.Code);
            }
        },
        iter: 20_000);
}
