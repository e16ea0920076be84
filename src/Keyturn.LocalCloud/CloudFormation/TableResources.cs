using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Iam;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>DynamoDB tables.</summary>
/// <param name="create">Takes the members of CreateTable, gives the ARN.</param>
/// <param name="setTimeToLive">(table, attribute).</param>
/// <param name="setPolicy">(table's ARN, policy).</param>
internal sealed class TableResources(Func<JsonObject, string> create, Action<string, string?> setTimeToLive, Action<string, IamPolicy> setPolicy)
{
    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types => [new("AWS::DynamoDB::Table", Table), new("AWS::DynamoDB::GlobalTable", GlobalTable)];

    /// <summary>A table with a replica here; those elsewhere are out of sight.</summary>
    private CreatedResource GlobalTable(ResourceProperties properties, string physicalName)
    {
        properties.PassOver("WriteOnDemandThroughputSettings", "WriteProvisionedThroughputSettings");
        var replicas = properties.Objects("Replicas").ToList();
        var here = replicas.Find(r => r.Text("Region") == CloudAccount.Local.Region)
            ?? throw new StackException($"{properties.Path}: no replica is in {CloudAccount.Local.Region}");
        return Table(properties, here.Object("ResourcePolicy"), physicalName);
    }

    private CreatedResource Table(ResourceProperties properties, string physicalName) => Table(properties, properties.Object("ResourcePolicy"), physicalName);

    private CreatedResource Table(ResourceProperties properties, ResourceProperties? policy, string physicalName)
    {
        properties.PassOver(
            "PointInTimeRecoverySpecification", "SSESpecification", "Tags", "ContributorInsightsSpecification", "KinesisStreamSpecification",
            "ImportSourceSpecification", "WarmThroughput", "OnDemandThroughput", "TableClass");
        var name = properties.Text("TableName") ?? physicalName;
        var request = new JsonObject { ["TableName"] = name };
        foreach (var member in (string[])
            ["AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "LocalSecondaryIndexes", "BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "StreamSpecification"])
        {
            if (properties.Json(member) is { } value)
                request[member] = value;
        }

        var timeToLive = properties.Object("TimeToLiveSpecification");
        var arn = create(request);
        if (policy is not null)
        {
            setPolicy(arn, IamPolicy.Parse(policy.Json("PolicyDocument")));
            policy.Close();
        }

        if (timeToLive is not null)
        {
            var attribute = timeToLive.Text("AttributeName");
            setTimeToLive(name, timeToLive.Text("Enabled") == "true" ? attribute : null);
            timeToLive.Close();
        }

        return new CreatedResource(name, arn);
    }
}
