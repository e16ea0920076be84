using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class DynamoDbCliTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task A_ledger_lives_with_the_AWS_CLI()
    {
        const string table = "CliLedger";
        await Aws("create-table", "--table-name", table, "--billing-mode", "PAY_PER_REQUEST",
            "--attribute-definitions", "AttributeName=thing,AttributeType=S", "AttributeName=sort,AttributeType=S",
            "--key-schema", "AttributeName=thing,KeyType=HASH", "AttributeName=sort,KeyType=RANGE");
        await Aws("wait", "table-exists", "--table-name", table);
        string[] put = ["put-item", "--table-name", table, "--item", """{"thing":{"S":"pump1"},"sort":{"S":"active"},"version":{"N":"1"}}""",
            "--condition-expression", "attribute_not_exists(thing)"];
        await Aws(put);
        Assert.Equal("ConditionalCheckFailedException", await cloud.Aws.RefusedAsync(["dynamodb", .. put]));

        var updated = await Aws("update-item", "--table-name", table, "--key", """{"thing":{"S":"pump1"},"sort":{"S":"active"}}""",
            "--update-expression", "SET #s = :s ADD version :one", "--expression-attribute-names", """{"#s":"state"}""",
            "--expression-attribute-values", """{":s":{"S":"ISSUED"},":one":{"N":"1"}}""", "--return-values", "ALL_NEW");
        Assert.Equal("2", (string)updated["Attributes"]!["version"]!["N"]!);

        var transaction = """[{"Put":{"TableName":"CliLedger","Item":{"thing":{"S":"pump1"},"sort":{"S":"rotation#1"}}}},{"ConditionCheck":{"TableName":"CliLedger","Key":{"thing":{"S":"pump1"},"sort":{"S":"active"}},"ConditionExpression":"version = :v","ExpressionAttributeValues":{":v":{"N":"2"}}}}]""";
        await Aws("transact-write-items", "--transact-items", transaction);
        Assert.Equal(
            "TransactionCanceledException",
            await cloud.Aws.RefusedAsync("dynamodb", "transact-write-items", "--transact-items", transaction.Replace("\"2\"", "\"9\"", StringComparison.Ordinal)));

        var found = await Aws("query", "--table-name", table, "--key-condition-expression", "thing = :t", "--page-size", "1",
            "--expression-attribute-values", """{":t":{"S":"pump1"}}""");
        Assert.Equal(["active", "rotation#1"], found["Items"]!.AsArray().Select(i => (string)i!["sort"]!["S"]!));
        Assert.Equal(2, (await Aws("scan", "--table-name", table))["Items"]!.AsArray().Count);

        await Aws("update-time-to-live", "--table-name", table, "--time-to-live-specification", "Enabled=true,AttributeName=expires");
        Assert.Equal("ENABLED", (string)(await Aws("describe-time-to-live", "--table-name", table))["TimeToLiveDescription"]!["TimeToLiveStatus"]!);
        await Aws("describe-continuous-backups", "--table-name", table);
        await Aws("delete-item", "--table-name", table, "--key", """{"thing":{"S":"pump1"},"sort":{"S":"active"}}""");
        Assert.Contains(table, (await Aws("list-tables"))["TableNames"]!.AsArray().Select(n => (string)n!));
        await Aws("delete-table", "--table-name", table);
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("dynamodb", "describe-table", "--table-name", table));
    }

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["dynamodb", .. arguments]);
}
