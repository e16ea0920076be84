using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>DynamoDB, as far as a ledger uses it. Holds everything in memory.</summary>
internal sealed class DynamoDbService
{
    private readonly Tables _tables;
    private readonly TableOperations _tableOperations;

    public DynamoDbService(CloudAccount account, TimeProvider time)
    {
        _tables = new Tables(account, time);
        _tableOperations = new TableOperations(_tables);
        Operations =
        [
            .. _tableOperations.All,
            .. new ItemOperations(_tables).All,
            .. new QueryOperations(_tables).All,
            .. new BatchOperations(_tables).All,
            .. new TransactionOperations(_tables, time).All,
        ];
    }

    public IReadOnlyList<ApiOperation> Operations { get; }

    /// <param name="request">CreateTable's.</param>
    /// <returns>The table's ARN.</returns>
    /// <exception cref="ApiException">As CreateTable refuses it.</exception>
    public string CreateTable(JsonObject request) => _tableOperations.Create(request).Arn;

    /// <param name="attribute">Holds the second at which an item expires; null: items never do.</param>
    public void SetTimeToLive(string table, string? attribute)
    {
        lock (_tables.Gate)
            (_tables.Find(table) ?? throw DynamoDbErrors.NoTable()).TimeToLiveAttribute = attribute;
    }

    public static ApiOperation Operation(string name, Func<JsonObject, JsonObject> run) =>
        new("dynamodb", name, "POST", name, (request, _) => ValueTask.FromResult(new ApiResponse(Json: run(request.Json))));
}
