namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>
/// Resources that make nothing happen on one machine: keys, alarms, dashboards. Their properties are known by name, so that a
/// misspelt one is still an error.
/// </summary>
internal static class ObservedResources
{
    private static readonly string[] Alarm =
    [
        "ActionsEnabled", "AlarmActions", "AlarmDescription", "AlarmName", "ComparisonOperator", "DatapointsToAlarm", "Dimensions",
        "EvaluateLowSampleCountPercentile", "EvaluationPeriods", "ExtendedStatistic", "InsufficientDataActions", "MetricName", "Metrics", "Namespace",
        "OKActions", "Period", "Statistic", "Tags", "Threshold", "ThresholdMetricId", "TreatMissingData", "Unit",
    ];

    private static readonly string[] Key =
    [
        "BypassPolicyLockoutSafetyCheck", "Description", "Enabled", "EnableKeyRotation", "KeyPolicy", "KeySpec", "KeyUsage", "MultiRegion", "Origin",
        "PendingWindowInDays", "RotationPeriodInDays", "Tags",
    ];

    public static IEnumerable<KeyValuePair<string, ResourceFactory>> Types =>
    [
        new("AWS::KMS::Key", (properties, _) =>
        {
            properties.PassOver(Key);
            var id = Guid.NewGuid().ToString();
            return new CreatedResource(id, new Dictionary<string, string> { ["Arn"] = CloudAccount.Local.Arn("kms", $"key/{id}"), ["KeyId"] = id });
        }),
        new("AWS::KMS::Alias", (properties, _) =>
        {
            properties.Required("TargetKeyId");
            var name = properties.Required("AliasName");
            return name.StartsWith("alias/", StringComparison.Ordinal)
                ? new CreatedResource(name, CloudAccount.Local.Arn("kms", name))
                : throw new StackException($"{properties.Path}: AliasName {name} does not begin with alias/");
        }),
        new("AWS::CloudWatch::Alarm", (properties, physicalName) =>
        {
            properties.PassOver(Alarm);
            properties.Required("ComparisonOperator");
            properties.Required("EvaluationPeriods");
            var name = properties.Text("AlarmName") ?? physicalName;
            return new CreatedResource(name, CloudAccount.Local.Arn("cloudwatch", $"alarm:{name}"));
        }),
        new("AWS::CloudWatch::CompositeAlarm", (properties, physicalName) =>
        {
            properties.PassOver("ActionsEnabled", "ActionsSuppressor", "ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod", "AlarmActions",
                "AlarmDescription", "InsufficientDataActions", "OKActions", "Tags");
            properties.Required("AlarmRule");
            var name = properties.Text("AlarmName") ?? physicalName;
            return new CreatedResource(name, CloudAccount.Local.Arn("cloudwatch", $"alarm:{name}"));
        }),
        new("AWS::CloudWatch::Dashboard", (properties, physicalName) =>
        {
            properties.Required("DashboardBody");
            return new CreatedResource(properties.Text("DashboardName") ?? physicalName, new Dictionary<string, string>());
        }),
        new("AWS::Logs::MetricFilter", (properties, physicalName) =>
        {
            properties.PassOver("ApplyOnTransformedLogs", "FilterName", "MetricTransformations");
            properties.Required("LogGroupName");
            properties.Required("FilterPattern");
            return new CreatedResource(properties.Text("FilterName") ?? physicalName, new Dictionary<string, string>());
        }),
        new("AWS::Logs::QueryDefinition", (properties, physicalName) =>
        {
            properties.PassOver("LogGroupNames", "QueryLanguage");
            properties.Required("Name");
            properties.Required("QueryString");
            return new CreatedResource(physicalName, new Dictionary<string, string> { ["QueryDefinitionId"] = Guid.NewGuid().ToString() });
        }),
        new("AWS::SSM::Parameter", (properties, physicalName) =>
        {
            properties.PassOver("AllowedPattern", "DataType", "Description", "Policies", "Tags", "Tier");
            properties.Required("Type");
            return new CreatedResource(properties.Text("Name") ?? physicalName, new Dictionary<string, string> { ["Value"] = properties.Required("Value"), ["Type"] = "String" });
        }),
    ];
}
