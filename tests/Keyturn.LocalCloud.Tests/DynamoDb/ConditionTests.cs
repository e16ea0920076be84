using System.Text.Json.Nodes;
using CsCheck;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class ConditionTests
{
    private const string Item = """
        {"a":{"N":"5"},"s":{"S":"hello"},"b":{"B":"AQI="},"t":{"BOOL":true},"z":{"NULL":true},
         "tags":{"SS":["x","y"]},"ns":{"NS":["1","2"]},"l":{"L":[{"S":"p"},{"N":"7"}]},"m":{"M":{"k":{"S":"v"},"deep":{"M":{"n":{"N":"1"}}}}}}
        """;

    private const string Values = """
        {":5":{"N":"5.0"},":6":{"N":"6"},":s":{"S":"hello"},":he":{"S":"he"},":x":{"S":"x"},":S":{"S":"S"},":t":{"BOOL":true},
         ":b":{"B":"AQI="},":b1":{"B":"AQ=="},":set":{"SS":["y","x"]},":v":{"S":"v"},":2":{"N":"2"},":1":{"N":"1"},":7":{"N":"7"},":p":{"S":"p"},":bad":{"S":"QQ"}}
        """;

    [Theory]
    [InlineData("a = :5", true)]
    [InlineData("a <> :5", false)]
    [InlineData("a < :6", true)]
    [InlineData("a >= :6", false)]
    [InlineData("a = :s", false)]
    [InlineData("a <> :s", true)]
    [InlineData("a < :s", false)]
    [InlineData(":5 = a", true)]
    [InlineData("absent = :5", false)]
    [InlineData("absent <> :5", true)]
    [InlineData("absent < :5", false)]
    [InlineData("tags = :set", true)]
    [InlineData("t = :t", true)]
    [InlineData("b = :b", true)]
    [InlineData("b > :b1", true)]
    [InlineData("a BETWEEN :5 AND :6", true)]
    [InlineData("a BETWEEN :6 AND :7", false)]
    [InlineData("absent BETWEEN :5 AND :6", false)]
    [InlineData("a IN (:6, :5)", true)]
    [InlineData("a in (:6)", false)]
    [InlineData("attribute_exists(a)", true)]
    [InlineData("attribute_exists(m.k)", true)]
    [InlineData("attribute_exists(m.k.x)", false)]
    [InlineData("attribute_exists(l[1])", true)]
    [InlineData("attribute_exists(l[2])", false)]
    [InlineData("attribute_not_exists(absent)", true)]
    [InlineData("attribute_type(s, :S)", true)]
    [InlineData("attribute_type(a, :S)", false)]
    [InlineData("begins_with(s, :he)", true)]
    [InlineData("begins_with(s, :x)", false)]
    [InlineData("begins_with(b, :b1)", true)]
    [InlineData("begins_with(a, :he)", false)]
    [InlineData("contains(s, :he)", true)]
    [InlineData("contains(tags, :x)", true)]
    [InlineData("contains(ns, :2)", true)]
    [InlineData("contains(ns, :5)", false)]
    [InlineData("contains(l, :p)", true)]
    [InlineData("size(s) = :5", true)]
    [InlineData("size(tags) = :2", true)]
    [InlineData("size(b) = :2", true)]
    [InlineData("size(m) = :2", true)]
    [InlineData("size(a) = :2", false)]
    [InlineData("m.deep.n = :1", true)]
    [InlineData("l[1] = :7", true)]
    [InlineData("#n.k = :v", true)]
    [InlineData("NOT a = :5", false)]
    [InlineData("NOT (a = :6 OR s = :x)", true)]
    [InlineData("a = :6 AND s = :x OR t = :t", true)]
    [InlineData("a = :6 AND (s = :x OR t = :t)", false)]
    [InlineData("not a = :6 and attribute_exists ( s )", true)]
    public void A_condition_holds_as_DynamoDB_says(string condition, bool holds) =>
        Assert.Equal(holds, Parse(condition).Holds(AttributeReader.ReadItem(JsonNode.Parse(Item)!.AsObject())));

    [Theory]
    [InlineData("attribute_not_exists(a)", true)]
    [InlineData("attribute_exists(a)", false)]
    [InlineData("a = :5", false)]
    [InlineData("NOT a = :5", true)]
    public void An_item_that_does_not_exist_has_no_attributes(string condition, bool holds) => Assert.Equal(holds, Parse(condition).Holds(null));

    [Theory]
    [InlineData("", "The expression can not be empty")]
    [InlineData("a", "Syntax error; token: \"<EOF>\"")]
    [InlineData("a = ", "Syntax error; token: \"<EOF>\"")]
    [InlineData("a == :5", "Syntax error; token: \"=\", near: \"a == :5\"")]
    [InlineData("a = :5 b", "Syntax error; token: \"b\"")]
    [InlineData("a = :5 AND", "Syntax error")]
    [InlineData("(a = :5", "Syntax error")]
    [InlineData("((a = :5))", "The expression has redundant parentheses")]
    [InlineData("a = 5", "Syntax error; token: \"5\"")]
    [InlineData("a ? :5", "Syntax error; token: \"?\"")]
    [InlineData("a = :none", "attribute value used in expression is not defined; attribute value: :none")]
    [InlineData("#none = :5", "attribute name used in the document path is not defined; attribute name: #none")]
    [InlineData("state = :5", "Attribute name is a reserved keyword; reserved keyword: state")]
    [InlineData("m.Status = :5", "reserved keyword: Status")]
    [InlineData("a = a", "The first operand must be distinct")]
    [InlineData("a < :t", "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL")]
    [InlineData("a BETWEEN :6 AND :5", "requires upper bound to be greater than or equal to lower bound")]
    [InlineData("a BETWEEN :5 AND :s", "requires same data type")]
    [InlineData("nosuch(a)", "Invalid function name; function: nosuch")]
    [InlineData("attribute_exists(a, s)", "Incorrect number of operands")]
    [InlineData("attribute_exists(:5)", "Syntax error")]
    [InlineData("attribute_type(a, :bad)", "Invalid attribute type name found; type: QQ")]
    [InlineData("begins_with(a, :5)", "Incorrect operand type")]
    [InlineData("size(a)", "Syntax error")]
    [InlineData("a = contains(s, :x)", "The function is not allowed to be used this way")]
    [InlineData("l[99999999999] = :5", "List index is not within the allowable range")]
    [InlineData("l[a] = :5", "Syntax error")]
    public void A_bad_condition_is_refused_with_the_words_of_DynamoDB(string condition, string reason)
    {
        var refused = Assert.ThrowsAny<ApiException>(() => Parse(condition));

        Assert.Equal("ValidationException", refused.Code);
        Assert.StartsWith("Invalid ConditionExpression: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("(")]
    [InlineData("NOT ")]
    [InlineData("a = :5 AND ")]
    [InlineData("a.")]
    [InlineData("size(")]
    public void Endless_nesting_is_refused_and_not_followed(string opening)
    {
        Assert.ThrowsAny<ApiException>(() => Parse(string.Concat(Enumerable.Repeat(opening, 100_000))));
        Assert.ThrowsAny<ApiException>(() => Parse(string.Concat(Enumerable.Repeat(opening, 4000 / opening.Length))));
    }

    [Fact]
    public void Any_text_is_parsed_or_refused_by_every_parser()
    {
        var words = Gen.OneOf(
            "a", "#n", ":5", ":s", ":set", "l[0]", "m.k", "=", "<>", "<", ">=", "(", ")", ",", "AND", "OR", "NOT", "IN", "BETWEEN", "size", "contains",
            "attribute_exists", "begins_with", "SET", "REMOVE", "ADD", "DELETE", "if_not_exists", "list_append", "+", "-", "[", "]", "1", ".", "state");
        var item = AttributeReader.ReadItem(JsonNode.Parse(Item)!.AsObject());
        Gen.OneOf(words.List[0, 20].Select(w => string.Join(' ', w)), Gen.String).Sample(
            text =>
            {
                Try(() => Parse(text).Holds(item));
                Try(() => UpdateParser.Parse(text, Context()).Apply(item));
                Try(() => Projection.Parse(text, Context()).Of(item));
                Try(() => UpdateParser.Parse("SET " + text, Context()).Apply(item));
            },
            iter: 20_000);
    }

    private static void Try(Action run)
    {
        try
        {
            run();
        }
        catch (ApiException e)
        {
            Assert.Equal("ValidationException", e.Code);
        }
    }

    private static Condition Parse(string condition) => ConditionParser.Parse("ConditionExpression", condition, Context());

    private static ExpressionContext Context() => new(new JsonObject
    {
        ["ExpressionAttributeNames"] = new JsonObject { ["#n"] = "m" },
        ["ExpressionAttributeValues"] = JsonNode.Parse(Values),
    });
}
