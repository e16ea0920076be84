using System.Text.Json.Nodes;
using CsCheck;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class TableTests
{
    private readonly Ledger _ledger = new();

    [Fact]
    public async Task A_table_is_described_as_it_was_declared()
    {
        await _ledger.PutAsync("t", "s");

        var table = (await _ledger.CallAsync("DescribeTable", """{"TableName":"Ledger"}"""))["Table"]!;

        Assert.Equal("ACTIVE", (string)table["TableStatus"]!);
        Assert.Equal("arn:aws:dynamodb:us-east-1:012345678901:table/Ledger", (string)table["TableArn"]!);
        Assert.Equal(1, (int)table["ItemCount"]!);
        Assert.Equal("PAY_PER_REQUEST", (string)table["BillingModeSummary"]!["BillingMode"]!);
        Assert.Equal("ByKey", (string)table["GlobalSecondaryIndexes"]![0]!["IndexName"]!);
        Assert.Equal(1772366400m, (decimal)table["CreationDateTime"]!);
    }

    [Fact]
    public async Task Tables_are_listed_in_pages_and_deleted()
    {
        foreach (var name in new[] { "Aaa", "Zzz" })
            await _ledger.CallAsync("CreateTable", Ledger.Declaration.Replace("\"Ledger\"", $"\"{name}\"", StringComparison.Ordinal));

        Assert.Equal("""{"TableNames":["Aaa","Ledger"],"LastEvaluatedTableName":"Ledger"}""", (await _ledger.CallAsync("ListTables", """{"Limit":2}""")).ToJsonString());
        Assert.Equal("""{"TableNames":["Zzz"]}""", (await _ledger.CallAsync("ListTables", """{"Limit":2,"ExclusiveStartTableName":"Ledger"}""")).ToJsonString());

        await _ledger.CallAsync("DeleteTable", """{"TableName":"Zzz"}""");
        var gone = await _ledger.RefusedAsync("DescribeTable", """{"TableName":"Zzz"}""");
        Assert.Equal("ResourceNotFoundException", gone.Code);
        Assert.Equal("Requested resource not found: Table: Zzz not found", gone.Message);
    }

    [Fact]
    public async Task A_table_is_found_by_its_arn_too() =>
        Assert.NotNull(await _ledger.CallAsync("DescribeTable", """{"TableName":"arn:aws:dynamodb:us-east-1:012345678901:table/Ledger"}"""));

    [Fact]
    public async Task A_protected_table_stays()
    {
        await _ledger.CallAsync("CreateTable", Ledger.Declaration.Replace("\"Ledger\"", "\"Kept\",\"DeletionProtectionEnabled\":true", StringComparison.Ordinal));

        Assert.Equal("ValidationException", (await _ledger.RefusedAsync("DeleteTable", """{"TableName":"Kept"}""")).Code);
    }

    [Fact]
    public async Task Time_to_live_is_set_once_and_shown()
    {
        const string enable = """{"TableName":"Ledger","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"expires"}}""";
        await _ledger.CallAsync("UpdateTimeToLive", enable);

        Assert.Equal("TimeToLive is already enabled", (await _ledger.RefusedAsync("UpdateTimeToLive", enable)).Message);
        Assert.Equal(
            """{"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"expires"}}""",
            (await _ledger.CallAsync("DescribeTimeToLive", """{"TableName":"Ledger"}""")).ToJsonString());
    }

    [Fact]
    public async Task Point_in_time_recovery_is_switched_and_shown()
    {
        await _ledger.CallAsync("UpdateContinuousBackups", """{"TableName":"Ledger","PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}}""");

        var backups = (await _ledger.CallAsync("DescribeContinuousBackups", """{"TableName":"Ledger"}"""))["ContinuousBackupsDescription"]!;
        Assert.Equal("ENABLED", (string)backups["PointInTimeRecoveryDescription"]!["PointInTimeRecoveryStatus"]!);
    }

    [Theory]
    [InlineData("\"Ledger\"", "\"Ledger\"", "ResourceInUseException")]
    [InlineData("\"Ledger\"", "\"x\"", "ValidationException")]
    [InlineData("\"PAY_PER_REQUEST\"", "\"FREE\"", "ValidationException")]
    [InlineData("\"PAY_PER_REQUEST\"", "\"PROVISIONED\"", "ValidationException")]
    [InlineData("\"KeyType\":\"HASH\"},{", "\"KeyType\":\"RANGE\"},{", "ValidationException")]
    [InlineData("{\"AttributeName\":\"keyHash\",\"AttributeType\":\"S\"}", "{\"AttributeName\":\"unused\",\"AttributeType\":\"S\"}", "ValidationException")]
    [InlineData("\"AttributeType\":\"S\"", "\"AttributeType\":\"M\"", "ValidationException")]
    [InlineData("\"KEYS_ONLY\"", "\"SOME\"", "ValidationException")]
    [InlineData("\"BillingMode\":\"PAY_PER_REQUEST\"", "\"ProvisionedThroughput\":7", "SerializationException")]
    [InlineData("\"BillingMode\":\"PAY_PER_REQUEST\"", "\"ProvisionedThroughput\":{\"ReadCapacityUnits\":1}", "ValidationException")]
    public async Task A_bad_declaration_is_refused(string part, string by, string code)
    {
        Assert.Contains(part, Ledger.Declaration, StringComparison.Ordinal);
        var declaration = Ledger.Declaration.Replace(part, by, StringComparison.Ordinal);
        if (code != "ResourceInUseException" && !part.Contains("Ledger", StringComparison.Ordinal))
            declaration = declaration.Replace("\"Ledger\"", "\"Another\"", StringComparison.Ordinal);

        Assert.Equal(code, (await _ledger.RefusedAsync("CreateTable", declaration)).Code);
    }

    [Fact]
    public void Any_json_is_answered_or_refused()
    {
        var leaves = Gen.OneOf("\"Ledger\"", "\"t\"", "7", "null", "true", "{}", "[]", "{\"S\":\"x\"}", "{\"thing\":{\"S\":\"t\"},\"sort\":{\"S\":\"s\"}}", "[{}]", "\"thing = :t\"",
            "{\":t\":{\"S\":\"x\"}}", "\"SET a = :t\"", "{\"Ledger\":[]}", "{\"Ledger\":{\"Keys\":[{}]}}", "[{\"Put\":{}}]", "[{\"Get\":{\"TableName\":\"Ledger\"}}]", "[\"x\"]");
        var members = Gen.OneOf("Key", "Item", "KeyConditionExpression", "ConditionExpression", "UpdateExpression", "ExpressionAttributeValues", "ExpressionAttributeNames",
            "ProjectionExpression", "FilterExpression", "Limit", "ExclusiveStartKey", "IndexName", "Select", "RequestItems", "TransactItems", "ReturnValues", "KeySchema",
            "AttributeDefinitions", "GlobalSecondaryIndexes", "ProvisionedThroughput", "BillingMode", "TimeToLiveSpecification", "ClientRequestToken", "Segment", "TotalSegments",
            "ReturnConsumedCapacity", "PointInTimeRecoverySpecification", "DeletionProtectionEnabled", "Expected");
        var operations = _ledger.Service.Operations;
        Gen.Select(Gen.Int[0, operations.Count - 1], Gen.Select(members, leaves).List[0, 5], leaves).Sample(
            (operation, body, table) =>
            {
                var text = "{" + string.Join(',', body.DistinctBy(m => m.Item1).Select(m => $"\"{m.Item1}\":{m.Item2}").Prepend($"\"TableName\":{table}")) + "}";
                try
                {
                    operations.CallAsync(operations[operation].Name, JsonNode.Parse(text)!.AsObject()).GetAwaiter().GetResult();
                }
                catch (ApiException e)
                {
                    Assert.Equal(400, e.Status);
                }
            },
            iter: 20_000);
    }
}
