using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb;
using Keyturn.LocalCloud.DynamoDb.Expressions;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class UpdateTests
{
    private const string Item = """{"n":{"N":"5"},"s":{"S":"x"},"set":{"SS":["a","b"]},"l":{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]},"m":{"M":{"k":{"N":"1"}}}}""";

    private const string Values = """
        {":1":{"N":"1"},":9":{"N":"9"},":s":{"S":"new"},":l":{"L":[{"N":"8"}]},":e":{"L":[]},":set":{"SS":["b","c"]},":all":{"SS":["a","b"]},":ns":{"NS":["1"]},":m":{"M":{}}}
        """;

    [Theory]
    [InlineData("SET n = :9", "n", """{"N":"9"}""")]
    [InlineData("SET n = n + :1", "n", """{"N":"6"}""")]
    [InlineData("SET n = n - :9", "n", """{"N":"-4"}""")]
    [InlineData("SET n = if_not_exists(n, :9)", "n", """{"N":"5"}""")]
    [InlineData("SET c = if_not_exists(c, :9) + :1", "c", """{"N":"10"}""")]
    [InlineData("SET l = list_append(l, :l)", "l", """{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"8"}]}""")]
    [InlineData("SET q = list_append(if_not_exists(q, :e), :l)", "q", """{"L":[{"N":"8"}]}""")]
    [InlineData("SET l[1] = :9", "l", """{"L":[{"N":"0"},{"N":"9"},{"N":"2"}]}""")]
    [InlineData("SET l[99] = :9", "l", """{"L":[{"N":"0"},{"N":"1"},{"N":"2"},{"N":"9"}]}""")]
    [InlineData("SET m.k = :9", "m", """{"M":{"k":{"N":"9"}}}""")]
    [InlineData("SET m.j = n", "m", """{"M":{"j":{"N":"5"},"k":{"N":"1"}}}""")]
    [InlineData("SET c = n, n = :1", "c", """{"N":"5"}""")]
    [InlineData("SET n = s, s = n", "n", """{"S":"x"}""")]
    [InlineData("REMOVE l[0], l[1]", "l", """{"L":[{"N":"2"}]}""")]
    [InlineData("REMOVE l[7]", "l", """{"L":[{"N":"0"},{"N":"1"},{"N":"2"}]}""")]
    [InlineData("REMOVE n", "n", null)]
    [InlineData("REMOVE m.k", "m", """{"M":{}}""")]
    [InlineData("ADD n :1", "n", """{"N":"6"}""")]
    [InlineData("ADD c :1", "c", """{"N":"1"}""")]
    [InlineData("ADD #set :set", "set", """{"SS":["a","b","c"]}""")]
    [InlineData("DELETE #set :set", "set", """{"SS":["a"]}""")]
    [InlineData("DELETE #set :all", "set", null)]
    [InlineData("DELETE c :all", "c", null)]
    [InlineData("set n = :9 remove s add c :1", "c", """{"N":"1"}""")]
    public void An_update_changes_what_it_says(string update, string attribute, string? expected)
    {
        var changed = Parse(update).Apply(Read());

        Assert.Equal(expected, changed[attribute]?.ToJson().ToJsonString());
    }

    [Theory]
    [InlineData("SET c = d", "refers to an attribute that does not exist in the item")]
    [InlineData("SET c = d + :1", "refers to an attribute that does not exist in the item")]
    [InlineData("SET s = s + :1", "incorrect data type")]
    [InlineData("SET n = list_append(n, :l)", "incorrect data type")]
    [InlineData("SET a.b = :1", "invalid for update")]
    [InlineData("SET s.b = :1", "invalid for update")]
    [InlineData("SET m[0] = :1", "invalid for update")]
    [InlineData("REMOVE a.b", "invalid for update")]
    [InlineData("ADD s :1", "incorrect data type")]
    [InlineData("ADD #set :ns", "incorrect data type")]
    [InlineData("DELETE n :set", "incorrect data type")]
    public void An_update_that_does_not_fit_the_item_is_refused(string update, string reason)
    {
        var refused = Assert.ThrowsAny<ApiException>(() => Parse(update).Apply(Read()));

        Assert.Equal("ValidationException", refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("n = :1", "Syntax error; token: \"n\"")]
    [InlineData("SET", "Syntax error; token: \"<EOF>\"")]
    [InlineData("SET n :1", "Syntax error; token: \":1\"")]
    [InlineData("SET n = :1 SET s = :s", "The \"SET\" section can only be used once")]
    [InlineData("SET n = :1, n = :9", "Two document paths overlap with each other")]
    [InlineData("SET m = :m, m.k = :1", "Two document paths overlap with each other")]
    [InlineData("SET m.k = :1 REMOVE m[0]", "Two document paths conflict with each other")]
    [InlineData("SET n = :s + :1", "Incorrect operand type")]
    [InlineData("SET l = list_append(l, :1)", "Incorrect operand type")]
    [InlineData("SET n = nosuch(n)", "Invalid function name; function: nosuch")]
    [InlineData("ADD n :s", "Incorrect operand type")]
    [InlineData("DELETE n :1", "Incorrect operand type")]
    [InlineData("SET status = :1", "reserved keyword: status")]
    [InlineData("SET n = :1,", "Syntax error")]
    public void A_bad_update_is_refused_before_any_item_is_read(string update, string reason)
    {
        var refused = Assert.ThrowsAny<ApiException>(() => Parse(update));

        Assert.StartsWith("Invalid UpdateExpression: ", refused.Message, StringComparison.Ordinal);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("n, m.k", """{"m":{"M":{"k":{"N":"1"}}},"n":{"N":"5"}}""")]
    [InlineData("l[2], l[0]", """{"l":{"L":[{"N":"0"},{"N":"2"}]}}""")]
    [InlineData("m.absent, absent", "{}")]
    public void A_projection_keeps_the_parts_it_names(string projection, string expected) =>
        Assert.Equal(expected, Projection.Parse(projection, Context()).Of(Read()).ToMembers().ToJsonString());

    private static MapValue Read() => AttributeReader.ReadItem(JsonNode.Parse(Item)!.AsObject());

    private static UpdateExpression Parse(string update) => UpdateParser.Parse(update, Context());

    private static ExpressionContext Context() => new(new JsonObject
    {
        ["ExpressionAttributeNames"] = new JsonObject { ["#set"] = "set" },
        ["ExpressionAttributeValues"] = JsonNode.Parse(Values),
    });
}
