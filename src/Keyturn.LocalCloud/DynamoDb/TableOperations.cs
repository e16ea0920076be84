using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Making, describing and deleting tables. A table is ACTIVE at once, though the answers to CreateTable and DeleteTable speak of it as on AWS.</summary>
internal sealed class TableOperations(Tables tables)
{
    public IEnumerable<ApiOperation> All =>
    [
        DynamoDbService.Operation("CreateTable", request => new JsonObject { ["TableDescription"] = Describe(Create(request), "CREATING") }),
        DynamoDbService.Operation("DescribeTable", request => With(request, table => new JsonObject { ["Table"] = Describe(table, "ACTIVE") })),
        DynamoDbService.Operation("DeleteTable", Delete),
        DynamoDbService.Operation("ListTables", List),
        DynamoDbService.Operation("UpdateTimeToLive", UpdateTimeToLive),
        DynamoDbService.Operation("DescribeTimeToLive", request => With(request, DescribeTimeToLive)),
        DynamoDbService.Operation("UpdateContinuousBackups", UpdateBackups),
        DynamoDbService.Operation("DescribeContinuousBackups", request => With(request, DescribeBackups)),
    ];

    public Table Create(JsonObject request)
    {
        var name = tables.ReadName(request);
        var throughput = request.Object("dynamodb", "ProvisionedThroughput");
        foreach (var units in new[] { "ReadCapacityUnits", "WriteCapacityUnits" })
        {
            if (throughput is not null && throughput.Number("dynamodb", units) is not >= 1)
                throw DynamoDbErrors.Missing($"ProvisionedThroughput.{units}");
        }

        switch (request.Text("dynamodb", "BillingMode") ?? "PROVISIONED")
        {
            case "PAY_PER_REQUEST" when throughput is not null:
                throw DynamoDbErrors.Invalid("Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
            case "PAY_PER_REQUEST":
                break;
            case "PROVISIONED" when throughput is null:
                throw DynamoDbErrors.Invalid("ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
            case "PROVISIONED":
                break;
            case var other:
                throw DynamoDbErrors.Validation($"1 validation error detected: Value '{other}' at 'billingMode' failed to satisfy constraint: Member must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]");
        }

        return tables.Create(name, request);
    }

    private JsonObject Delete(JsonObject request)
    {
        lock (tables.Gate)
        {
            var table = Find(request);
            if (table.IsProtected)
                throw DynamoDbErrors.Validation("Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.");
            tables.Remove(table);
            return new JsonObject { ["TableDescription"] = Describe(table, "DELETING") };
        }
    }

    private JsonObject List(JsonObject request)
    {
        var limit = request.Number("dynamodb", "Limit") ?? 100;
        if (limit is < 1 or > 100)
            throw DynamoDbErrors.Validation($"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and 100");
        var after = request.Text("dynamodb", "ExclusiveStartTableName");
        if (after is not (null or { Length: >= 3 and <= 255 }) || after?.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-') == false)
            throw DynamoDbErrors.Validation($"1 validation error detected: Value '{after}' at 'exclusiveStartTableName' failed to satisfy constraint: Member must be the name of a table");
        lock (tables.Gate)
        {
            var names = tables.All.Select(t => t.Name).Where(n => string.CompareOrdinal(n, after) > 0).Take((int)limit + 1).ToList();
            var answer = new JsonObject { ["TableNames"] = new JsonArray([.. names.Take((int)limit).Select(n => JsonValue.Create(n))]) };
            if (names.Count > limit)
                answer["LastEvaluatedTableName"] = names[(int)limit - 1];
            return answer;
        }
    }

    private JsonObject UpdateTimeToLive(JsonObject request) => With(request, table =>
    {
        var wanted = request.Object("dynamodb", "TimeToLiveSpecification") ?? throw DynamoDbErrors.Missing("TimeToLiveSpecification");
        var enabled = wanted.Flag("dynamodb", "Enabled") ?? throw DynamoDbErrors.Missing("TimeToLiveSpecification.Enabled");
        var attribute = wanted.Text("dynamodb", "AttributeName") is { Length: > 0 } name ? name : throw DynamoDbErrors.Missing("TimeToLiveSpecification.AttributeName");
        if (enabled == table.TimeToLiveAttribute is not null)
            throw DynamoDbErrors.Validation($"TimeToLive is already {(enabled ? "enabled" : "disabled")}");
        if (!enabled && table.TimeToLiveAttribute != attribute)
            throw DynamoDbErrors.Validation("TimeToLive is active on a different AttributeName: current AttributeName is " + table.TimeToLiveAttribute);
        table.TimeToLiveAttribute = enabled ? attribute : null;
        return new JsonObject { ["TimeToLiveSpecification"] = new JsonObject { ["Enabled"] = enabled, ["AttributeName"] = attribute } };
    });

    private static JsonObject DescribeTimeToLive(Table table)
    {
        var description = new JsonObject { ["TimeToLiveStatus"] = table.TimeToLiveAttribute is null ? "DISABLED" : "ENABLED" };
        if (table.TimeToLiveAttribute is { } attribute)
            description["AttributeName"] = attribute;
        return new JsonObject { ["TimeToLiveDescription"] = description };
    }

    private JsonObject UpdateBackups(JsonObject request) => With(request, table =>
    {
        var wanted = request.Object("dynamodb", "PointInTimeRecoverySpecification") ?? throw DynamoDbErrors.Missing("PointInTimeRecoverySpecification");
        table.HasPointInTimeRecovery = wanted.Flag("dynamodb", "PointInTimeRecoveryEnabled")
            ?? throw DynamoDbErrors.Missing("PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled");
        return DescribeBackups(table);
    });

    private static JsonObject DescribeBackups(Table table) => new()
    {
        ["ContinuousBackupsDescription"] = new JsonObject
        {
            ["ContinuousBackupsStatus"] = "ENABLED",
            ["PointInTimeRecoveryDescription"] = new JsonObject { ["PointInTimeRecoveryStatus"] = table.HasPointInTimeRecovery ? "ENABLED" : "DISABLED" },
        },
    };

    private JsonObject With(JsonObject request, Func<Table, JsonObject> run)
    {
        lock (tables.Gate)
            return run(Find(request));
    }

    private Table Find(JsonObject request) => tables.Find(request, name => $": Table: {name} not found");

    private static JsonObject Describe(Table table, string status)
    {
        var declared = table.Declaration;
        var description = new JsonObject
        {
            ["TableName"] = table.Name,
            ["TableArn"] = table.Arn,
            ["TableId"] = table.Id.ToString(),
            ["TableStatus"] = status,
            ["CreationDateTime"] = table.Created.ToUnixTimeMilliseconds() / 1000m,
            ["AttributeDefinitions"] = declared["AttributeDefinitions"]!.DeepClone(),
            ["KeySchema"] = declared["KeySchema"]!.DeepClone(),
            ["ItemCount"] = table.Count,
            ["TableSizeBytes"] = table.Items.Sum(i => (long)i.ItemSize),
            ["DeletionProtectionEnabled"] = table.IsProtected,
            ["ProvisionedThroughput"] = new JsonObject
            {
                ["NumberOfDecreasesToday"] = 0,
                ["ReadCapacityUnits"] = declared["ProvisionedThroughput"]?["ReadCapacityUnits"]?.DeepClone() ?? 0,
                ["WriteCapacityUnits"] = declared["ProvisionedThroughput"]?["WriteCapacityUnits"]?.DeepClone() ?? 0,
            },
        };
        if ((string?)declared["BillingMode"] == "PAY_PER_REQUEST")
            description["BillingModeSummary"] = new JsonObject { ["BillingMode"] = "PAY_PER_REQUEST" };
        foreach (var isGlobal in new[] { false, true })
        {
            var indexes = table.Schema.Indexes.Where(i => i.IsGlobal == isGlobal).Select(i => DescribeIndex(table, i, status)).ToList();
            if (indexes.Count > 0)
                description[Member(isGlobal)] = new JsonArray([.. indexes]);
        }

        return description;
    }

    private static string Member(bool isGlobal) => isGlobal ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";

    private static JsonObject DescribeIndex(Table table, SecondaryIndex index, string status)
    {
        var declared = table.Declaration[Member(index.IsGlobal)]!.AsArray().First(i => (string?)i!["IndexName"] == index.Name)!;
        var description = new JsonObject
        {
            ["IndexName"] = index.Name,
            ["IndexArn"] = $"{table.Arn}/index/{index.Name}",
            ["KeySchema"] = declared["KeySchema"]!.DeepClone(),
            ["Projection"] = declared["Projection"]!.DeepClone(),
        };
        if (index.IsGlobal)
            description["IndexStatus"] = status;
        return description;
    }
}
