using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class TransactionTests
{
    private const string Put = """{"Put":{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"new"}},"ConditionExpression":"attribute_not_exists(thing)"}}""";

    private readonly Ledger _ledger = new();

    [Fact]
    public async Task All_changes_are_made_together()
    {
        await _ledger.PutAsync("t", "old");
        await _ledger.PutAsync("t", "active", """ "n":{"N":"1"} """);

        var answer = await _ledger.CallAsync("TransactWriteItems", Items(
            Put,
            $$$"""{"Update":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "active")}}},"UpdateExpression":"SET n = n + :one","ConditionExpression":"n = :one","ExpressionAttributeValues":{":one":{"N":"1"} } } }""",
            $$$"""{"Delete":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "old")}}} } }""",
            $$$"""{"ConditionCheck":{"TableName":"Ledger","Key":{{{Ledger.Key("x", "y")}}},"ConditionExpression":"attribute_not_exists(thing)"}}"""));

        Assert.Empty(answer);
        Assert.NotNull(await _ledger.GetAsync("t", "new"));
        Assert.Equal("2", (string)(await _ledger.GetAsync("t", "active"))!["n"]!["N"]!);
        Assert.Null(await _ledger.GetAsync("t", "old"));
        Assert.Null(await _ledger.GetAsync("x", "y"));
    }

    [Fact]
    public async Task One_failed_condition_leaves_everything_untouched_and_gives_each_reason()
    {
        await _ledger.PutAsync("t", "active", """ "n":{"N":"7"},"s":{"S":"x"} """);

        var refused = await _ledger.RefusedAsync("TransactWriteItems", Items(
            Put,
            $$$"""{"Update":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "active")}}},"UpdateExpression":"SET n = :one","ConditionExpression":"n = :one","ReturnValuesOnConditionCheckFailure":"ALL_OLD","ExpressionAttributeValues":{":one":{"N":"1"} } } }""",
            $$$"""{"Update":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "other")}}},"UpdateExpression":"SET n = nothing"}}"""));

        Assert.Equal("TransactionCanceledException", refused.Code);
        Assert.Equal(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed, ValidationError]", refused.Message);
        var reasons = refused.Members!["CancellationReasons"]!.AsArray();
        Assert.Equal("""{"Code":"None"}""", reasons[0]!.ToJsonString());
        Assert.Equal("The conditional request failed", (string)reasons[1]!["Message"]!);
        Assert.Equal("7", (string)reasons[1]!["Item"]!["n"]!["N"]!);
        Assert.Equal("ValidationError", (string)reasons[2]!["Code"]!);
        Assert.Null(await _ledger.GetAsync("t", "new"));
    }

    [Fact]
    public async Task A_token_makes_the_same_request_count_once_for_ten_minutes()
    {
        var request = Items(Put)[..^1] + ""","ClientRequestToken":"token-1"}""";
        await _ledger.CallAsync("TransactWriteItems", request);
        await _ledger.CallAsync("TransactWriteItems", request);

        var other = await _ledger.RefusedAsync("TransactWriteItems", request.Replace("new", "newer", StringComparison.Ordinal));
        _ledger.Time.Advance(TimeSpan.FromMinutes(11));
        var later = await _ledger.RefusedAsync("TransactWriteItems", request);

        Assert.Equal("IdempotentParameterMismatchException", other.Code);
        Assert.Equal("TransactionCanceledException", later.Code);
    }

    [Fact]
    public async Task A_cancelled_transaction_does_not_use_up_its_token()
    {
        await _ledger.PutAsync("t", "new");
        var request = Items(Put)[..^1] + ""","ClientRequestToken":"token-1"}""";
        await _ledger.RefusedAsync("TransactWriteItems", request);
        await _ledger.CallAsync("DeleteItem", $$$"""{"TableName":"Ledger","Key":{{{Ledger.Key("t", "new")}}} }""");

        await _ledger.CallAsync("TransactWriteItems", request);

        Assert.NotNull(await _ledger.GetAsync("t", "new"));
    }

    [Fact]
    public async Task Reads_give_one_answer_for_each_key()
    {
        await _ledger.PutAsync("t", "a", """ "n":{"N":"1"},"m":{"N":"2"} """);

        var answer = await _ledger.CallAsync("TransactGetItems", Items(
            $$$"""{"Get":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "a")}}},"ProjectionExpression":"n"}}""",
            $$$"""{"Get":{"TableName":"Ledger","Key":{{{Ledger.Key("t", "none")}}} } }"""));

        Assert.Equal("""{"Responses":[{"Item":{"n":{"N":"1"}}},{}]}""", answer.ToJsonString());
    }

    [Fact]
    public async Task A_transaction_touches_an_item_once_and_has_up_to_100_actions()
    {
        var twice = await _ledger.RefusedAsync("TransactWriteItems", Items(Put, Put));
        var none = await _ledger.RefusedAsync("TransactWriteItems", Items());
        var many = await _ledger.RefusedAsync("TransactWriteItems", Items([.. Enumerable.Repeat(Put, 101)]));
        var both = await _ledger.RefusedAsync("TransactWriteItems", Items("""{"Put":{},"Delete":{}}"""));

        Assert.Equal("Transaction request cannot include multiple operations on one item", twice.Message);
        Assert.All([none, many, both], refused => Assert.Equal("ValidationException", refused.Code));
        Assert.Null(await _ledger.GetAsync("t", "new"));
    }

    [Fact]
    public async Task Of_writers_that_race_for_one_condition_exactly_one_wins()
    {
        var wins = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Task.Run(async () =>
        {
            try
            {
                await _ledger.CallAsync("TransactWriteItems", Items(Put, $$$"""{"Put":{"TableName":"Ledger","Item":{"thing":{"S":"t"},"sort":{"S":"by{{{i}}}"} } } }"""));
                return 1;
            }
            catch (ApiException e) when (e.Code == "TransactionCanceledException")
            {
                return 0;
            }
        })));

        Assert.Equal(1, wins.Sum());
        Assert.Equal(2, (int)(await _ledger.CallAsync("Scan", """{"TableName":"Ledger"}"""))["Count"]!);
    }

    [Fact]
    public async Task Batches_write_and_read_many_items()
    {
        await _ledger.PutAsync("t", "gone");
        await _ledger.CallAsync("BatchWriteItem", $$$"""
            {"RequestItems":{"Ledger":[{"PutRequest":{"Item":{"thing":{"S":"t"},"sort":{"S":"a"} } } },{"DeleteRequest":{"Key":{{{Ledger.Key("t", "gone")}}} } }]}}
            """);
        var read = await _ledger.CallAsync("BatchGetItem", $$$"""{"RequestItems":{"Ledger":{"Keys":[{{{Ledger.Key("t", "a")}}},{{{Ledger.Key("t", "gone")}}}]} } }""");
        var doubled = await _ledger.RefusedAsync("BatchGetItem", $$$"""{"RequestItems":{"Ledger":{"Keys":[{{{Ledger.Key("t", "a")}}},{{{Ledger.Key("t", "a")}}}]} } }""");

        Assert.Single(read["Responses"]!["Ledger"]!.AsArray());
        Assert.Equal("Provided list of item keys contains duplicates", doubled.Message);
    }

    private static string Items(params string[] actions) => $$"""{"TransactItems":[{{string.Join(',', actions)}}]}""";
}
