using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.DynamoDb;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

/// <summary>A service with one table <c>Ledger</c> (thing, sort), and calls written as JSON.</summary>
internal sealed class Ledger
{
    public const string Declaration = """
        {"TableName":"Ledger","BillingMode":"PAY_PER_REQUEST",
         "AttributeDefinitions":[{"AttributeName":"thing","AttributeType":"S"},{"AttributeName":"sort","AttributeType":"S"},{"AttributeName":"keyHash","AttributeType":"S"}],
         "KeySchema":[{"AttributeName":"thing","KeyType":"HASH"},{"AttributeName":"sort","KeyType":"RANGE"}],
         "GlobalSecondaryIndexes":[{"IndexName":"ByKey","KeySchema":[{"AttributeName":"keyHash","KeyType":"HASH"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}
        """;

    public Ledger()
    {
        Service = new DynamoDbService(new CloudAccount(), Time);
        Service.CreateTable(JsonNode.Parse(Declaration)!.AsObject());
    }

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));

    public DynamoDbService Service { get; }

    public async Task<JsonObject> CallAsync(string operation, string request) =>
        (await Service.Operations.CallAsync(operation, JsonNode.Parse(request, documentOptions: new() { MaxDepth = 128 })!.AsObject())).Json!.AsObject();

    /// <summary>The code and message of the refusal.</summary>
    public async Task<ApiException> RefusedAsync(string operation, string request)
    {
        var refused = await Assert.ThrowsAnyAsync<ApiException>(() => CallAsync(operation, request));
        Assert.Equal(400, refused.Status);
        return refused;
    }

    public Task PutAsync(string thing, string sort, string more = "") => CallAsync(
        "PutItem", $$$"""{"TableName":"Ledger","Item":{"thing":{"S":"{{{thing}}}"},"sort":{"S":"{{{sort}}}"}{{{(more.Length > 0 ? "," : "") + more}}} } }""");

    public async Task<JsonNode?> GetAsync(string thing, string sort) =>
        (await CallAsync("GetItem", $$$"""{"TableName":"Ledger","Key":{{{Key(thing, sort)}}},"ConsistentRead":true}"""))["Item"];

    public static string Key(string thing, string sort) => $$$"""{"thing":{"S":"{{{thing}}}"},"sort":{"S":"{{{sort}}}"}}""";
}
