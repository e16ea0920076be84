using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class ItemTests
{
    private readonly Ledger _ledger = new();

    [Fact]
    public async Task An_item_comes_back_as_it_was_put_with_numbers_normalized()
    {
        await _ledger.PutAsync("pump1", "active", """ "n":{"N":"01.50"},"l":{"L":[{"BOOL":false},{"NULL":true},{"B":"AQI="}]},"ss":{"SS":["b","a"]} """);

        Assert.Equal(
            """{"l":{"L":[{"BOOL":false},{"NULL":true},{"B":"AQI="}]},"n":{"N":"1.5"},"sort":{"S":"active"},"ss":{"SS":["b","a"]},"thing":{"S":"pump1"}}""",
            (await _ledger.GetAsync("pump1", "active"))!.ToJsonString());
        Assert.Null(await _ledger.GetAsync("pump1", "other"));
    }

    [Fact]
    public async Task A_conditional_put_wins_once()
    {
        const string put = """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"by":{"S":"first"}},"ConditionExpression":"attribute_not_exists(thing)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}""";

        await _ledger.CallAsync("PutItem", put);
        var refused = await _ledger.RefusedAsync("PutItem", put.Replace("first", "second", StringComparison.Ordinal));

        Assert.Equal("ConditionalCheckFailedException", refused.Code);
        Assert.Equal("The conditional request failed", refused.Message);
        Assert.Equal("first", (string)refused.Members!["Item"]!["by"]!["S"]!);
        Assert.Equal("first", (string)(await _ledger.GetAsync("t", "s"))!["by"]!["S"]!);
    }

    [Fact]
    public async Task Without_being_asked_a_failed_condition_shows_no_item()
    {
        await _ledger.PutAsync("t", "s");

        var refused = await _ledger.RefusedAsync(
            "DeleteItem", $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "s")}}},"ConditionExpression":"attribute_not_exists(thing)"}""");

        Assert.Null(refused.Members);
        Assert.NotNull(await _ledger.GetAsync("t", "s"));
    }

    [Theory]
    [InlineData("NONE", "{}")]
    [InlineData("ALL_OLD", """{"Attributes":{"a":{"N":"1"},"b":{"N":"2"},"sort":{"S":"s"},"thing":{"S":"t"}}}""")]
    [InlineData("ALL_NEW", """{"Attributes":{"a":{"N":"5"},"b":{"N":"2"},"sort":{"S":"s"},"thing":{"S":"t"}}}""")]
    [InlineData("UPDATED_OLD", """{"Attributes":{"a":{"N":"1"}}}""")]
    [InlineData("UPDATED_NEW", """{"Attributes":{"a":{"N":"5"}}}""")]
    public async Task An_update_returns_what_it_is_asked_for(string returned, string expected)
    {
        await _ledger.PutAsync("t", "s", """ "a":{"N":"1"},"b":{"N":"2"} """);

        var answer = await _ledger.CallAsync(
            "UpdateItem",
            $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "s")}}},"UpdateExpression":"SET a = :v","ExpressionAttributeValues":{":v":{"N":"5"}},"ReturnValues":"{{{returned}}}"}""");

        Assert.Equal(expected, answer.ToJsonString());
    }

    [Fact]
    public async Task An_update_of_nothing_makes_the_item_with_its_key()
    {
        var answer = await _ledger.CallAsync(
            "UpdateItem",
            $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "s")}}},"UpdateExpression":"ADD #v :one","ExpressionAttributeNames":{"#v":"version"},"ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"ALL_NEW"}""");

        Assert.Equal("""{"sort":{"S":"s"},"thing":{"S":"t"},"version":{"N":"1"}}""", answer["Attributes"]!.ToJsonString());
    }

    [Fact]
    public async Task A_delete_returns_the_old_item_and_may_be_repeated()
    {
        await _ledger.PutAsync("t", "s");
        var delete = $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "s")}}},"ReturnValues":"ALL_OLD","ReturnConsumedCapacity":"TOTAL"}""";

        var first = await _ledger.CallAsync("DeleteItem", delete);
        var second = await _ledger.CallAsync("DeleteItem", delete);

        Assert.Equal("t", (string)first["Attributes"]!["thing"]!["S"]!);
        Assert.Null(second["Attributes"]);
        Assert.Equal("Ledger", (string)second["ConsumedCapacity"]!["TableName"]!);
    }

    [Theory]
    [InlineData("GetItem", """{"TableName":"Nowhere","Key":{"a":{"S":"x"}}}""", "ResourceNotFoundException", "Requested resource not found")]
    [InlineData("GetItem", """{"Key":{"a":{"S":"x"}}}""", "ValidationException", "Value null at 'tableName'")]
    [InlineData("GetItem", """{"TableName":"Ledger"}""", "ValidationException", "Value null at 'key'")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"}}}""", "ValidationException", "The provided key element does not match the schema")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"N":"1"},"sort":{"S":"s"}}}""", "ValidationException", "does not match the schema")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"S":""},"sort":{"S":"s"}}}""", "ValidationException", "cannot contain an empty string value. Key: thing")]
    [InlineData("GetItem", """{"TableName":7,"Key":{}}""", "SerializationException", "")]
    [InlineData("GetItem", """{"TableName":"x","Key":{}}""", "ValidationException", "between 3 and 255 characters")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"},"sort":{"S":"s"}},"AttributesToGet":["a"]}""", "ValidationException", "AttributesToGet is not offered")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"},"sort":{"S":"s"}},"ExpressionAttributeNames":{"#a":"b"}}""", "ValidationException", "can only be specified when using expressions")]
    [InlineData("GetItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"},"sort":{"S":"s"}},"ProjectionExpression":"a","ExpressionAttributeNames":{"#a":"b"}}""", "ValidationException", "unused in expressions: keys: {#a}")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"}}}""", "ValidationException", "Missing the key sort in the item")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"N":"1"}}}""", "ValidationException", "Type mismatch for key sort expected: S actual: N")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"keyHash":{"N":"1"}}}""", "ValidationException", "Type mismatch for Index Key keyHash")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{}}}""", "ValidationException", "Supplied AttributeValue is empty")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"S":"a","N":"1"}}}""", "ValidationException", "more than one datatypes set")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"SS":[]}}}""", "ValidationException", "may not be empty")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"SS":["a","a"]}}}""", "ValidationException", "contains duplicates")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"NULL":false}}}""", "ValidationException", "must have the value of true")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"N":1}}}""", "SerializationException", "")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":{"B":"?"}}}""", "SerializationException", "")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"x":"y"}}""", "SerializationException", "")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"}},"ReturnValues":"ALL_NEW"}""", "ValidationException", "Return values set to invalid value")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"}},"ConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"N":"1"},":b":{"N":"1"}}}""", "ValidationException", "ExpressionAttributeValues unused in expressions: keys: {:b}")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"}},"ConditionExpression":"a = :a","ExpressionAttributeValues":{}}""", "ValidationException", "must not be empty")]
    [InlineData("PutItem", """{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"}},"ConditionExpression":"a = :a","ExpressionAttributeValues":{"a":{"N":"1"}}}""", "ValidationException", "contains invalid key")]
    [InlineData("UpdateItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"},"sort":{"S":"s"}},"UpdateExpression":"SET sort = :a","ExpressionAttributeValues":{":a":{"S":"x"}}}""", "ValidationException", "Cannot update attribute sort. This attribute is part of the key")]
    [InlineData("UpdateItem", """{"TableName":"Ledger","Key":{"thing":{"S":"t"},"sort":{"S":"s"}},"UpdateExpression":"SET keyHash = :a","ExpressionAttributeValues":{":a":{"N":"1"}}}""", "ValidationException", "Type mismatch for Index Key keyHash")]
    public async Task A_bad_request_is_refused_with_the_code_of_DynamoDB(string operation, string request, string code, string reason)
    {
        var refused = await _ledger.RefusedAsync(operation, request);

        Assert.Equal(code, refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_item_is_at_most_400_KB()
    {
        var fits = new string('x', 400 * 1024 - "thing".Length - "t".Length - "sort".Length - "s".Length - "v".Length);
        await _ledger.PutAsync("t", "s", $$$""" "v":{"S":"{{{fits}}}"} """);

        var refused = await _ledger.RefusedAsync("PutItem", $$$"""{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"v":{"S":"{{{fits}}}x"} } }""");
        var grown = await _ledger.RefusedAsync("UpdateItem", $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "s")}}},"UpdateExpression":"SET w = :w","ExpressionAttributeValues":{":w":{"BOOL":true} } }""");

        Assert.Equal("Item size has exceeded the maximum allowed size", refused.Message);
        Assert.Equal("Item size to update has exceeded the maximum allowed size", grown.Message);
    }

    [Fact]
    public void Values_nest_32_levels_and_no_more()
    {
        Assert.Equal("L", AttributeReader.Read(Nested(32)).Type);
        Assert.Equal("Nesting Levels have exceeded supported limits", Assert.ThrowsAny<ApiException>(() => AttributeReader.Read(Nested(33))).Message);

        static JsonNode Nested(int levels) => Enumerable.Range(0, levels).Aggregate(
            new JsonObject { ["S"] = "x" }, (inner, _) => new JsonObject { ["L"] = new JsonArray(inner) });
    }

    [Fact]
    public async Task The_deepest_item_goes_over_the_wire_and_back()
    {
        static string Nested(int levels) => string.Concat(Enumerable.Repeat("""{"M":{"a":""", levels)) + """{"S":"x"}""" + string.Concat(Enumerable.Repeat("}}", levels));
        var service = new ServiceDescription("dynamodb", ApiProtocol.AwsJson);
        await _ledger.PutAsync("t", "s", $$$""" "v":{{{Nested(32)}}} """);

        var scan = await _ledger.CallAsync("Scan", """{"TableName":"Ledger"}""");
        var written = ResponseWriter.Write(service, _ledger.Service.Operations[0], new ApiResponse(Json: scan), "id");
        var tooDeep = await _ledger.RefusedAsync("PutItem", $$$"""{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"s"},"v":{{{Nested(33)}}} } }""");

        Assert.Contains(Nested(32), System.Text.Encoding.UTF8.GetString(written.Body.Span), StringComparison.Ordinal);
        Assert.Equal("ValidationException", tooDeep.Code);
    }
}
