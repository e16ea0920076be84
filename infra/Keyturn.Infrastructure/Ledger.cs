using Amazon.CDK;
using Amazon.CDK.AWS.DynamoDB;

namespace Keyturn.Infrastructure;

/// <summary>The backend's own record of each rotation. It outlives the stack: it says which certificates are whose.</summary>
internal sealed class Ledger
{
    public Ledger(Stack stack, StackContext context)
    {
        Table = new CfnTable(stack, "Ledger", new CfnTableProps
        {
            TableName = $"{RotatorApp.StackName}Ledger",
            BillingMode = "PAY_PER_REQUEST",
            AttributeDefinitions = new[] { Attribute("thing"), Attribute("item"), Attribute("sweep"), Attribute("sweepAt") },
            KeySchema = Key("thing", "item"),
            GlobalSecondaryIndexes = new[]
            {
                new CfnTable.GlobalSecondaryIndexProperty
                {
                    IndexName = "sweep",
                    KeySchema = Key("sweep", "sweepAt"),
                    Projection = new CfnTable.ProjectionProperty { ProjectionType = "KEYS_ONLY" },
                },
            },
            TimeToLiveSpecification = new CfnTable.TimeToLiveSpecificationProperty { AttributeName = "expiresAt", Enabled = true },
            PointInTimeRecoverySpecification = new CfnTable.PointInTimeRecoverySpecificationProperty { PointInTimeRecoveryEnabled = true },
            SseSpecification = new CfnTable.SSESpecificationProperty { SseEnabled = true },
            DeletionProtectionEnabled = context.DeletionProtection,
        });
        Table.ApplyRemovalPolicy(context.DeletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
    }

    public CfnTable Table { get; }

    public string SweepIndexArn => $"{Table.AttrArn}/index/sweep";

    private static CfnTable.AttributeDefinitionProperty Attribute(string name) => new() { AttributeName = name, AttributeType = "S" };

    private static CfnTable.KeySchemaProperty[] Key(string hash, string range) =>
    [
        new() { AttributeName = hash, KeyType = "HASH" }, new() { AttributeName = range, KeyType = "RANGE" },
    ];
}
