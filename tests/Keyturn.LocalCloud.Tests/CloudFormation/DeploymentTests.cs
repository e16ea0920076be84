using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.CloudFormation;

/// <summary>Templates that the program itself deploys, or refuses to.</summary>
public sealed class DeploymentTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task A_custom_resource_that_fails_fails_the_deployment_with_its_reason()
    {
        var (status, error) = await DeployAsync(t => t["Resources"]!["Setup"]!["Properties"]!["Outcome"] = "FAILED");
        Assert.Equal(1, status);
        Assert.Contains("Setup (Custom::Setup): FAILED: as asked; nothing was started", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_custom_resource_that_is_not_answered_for_fails_the_deployment()
    {
        var (status, error) = await DeployAsync(t => t["Resources"]!["Setup"]!["Properties"]!["do"] = "fail", broken: true);
        Assert.Equal(1, status);
        Assert.Contains("failed without an answer", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_of_the_template_that_does_not_hold_stops_the_deployment()
    {
        var (status, error) = await DeployAsync(t => t["Rules"]!["CheckBootstrapVersion"]!["Assertions"]![0]!["Assert"]!["Fn::Not"]![0]!["Fn::Contains"]![0]!.AsArray().Add("25"));
        Assert.Equal(1, status);
        Assert.Contains("CheckBootstrapVersion does not hold: CDK bootstrap stack version 6 required", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"Type":"AWS::CloudWatch::Alarm","Properties":{"ComparisonOperator":"GreaterThanThreshold","EvaluationPeriods":1,"Threshhold":1}}""", "Threshhold")]
    [InlineData("""{"Type":"AWS::CloudWatch::Alarm","Properties":{"EvaluationPeriods":1}}""", "needs ComparisonOperator")]
    [InlineData("""{"Type":"AWS::KMS::Alias","Properties":{"AliasName":"x","TargetKeyId":"y"}}""", "alias/")]
    [InlineData("""{"Type":"AWS::Events::Rule","Properties":{"ScheduleExpression":"rate(1 hours)"}}""", "ScheduleExpression is not valid")]
    [InlineData("""{"Type":"AWS::Events::Rule","Properties":{"EventPattern":{"source":["aws.ec2"]}}}""", "EventPattern")]
    [InlineData("""{"Type":"AWS::SQS::Queue","Properties":{"DelaySeconds":901}}""", "DelaySeconds")]
    [InlineData("""{"Type":"AWS::DynamoDB::GlobalTable","Properties":{"Replicas":[{"Region":"eu-west-1"}]}}""", "no replica is in us-east-1")]
    [InlineData("""{"Type":"AWS::Lambda::Alias","Properties":{"FunctionName":"bash-echo","FunctionVersion":"7","Name":"live"},"DependsOn":"Echo"}""", "versions 1 and $LATEST")]
    [InlineData("""{"Type":"Custom::X","Properties":{"ServiceToken":"arn:aws:sns:us-east-1:012345678901:topic"}}""", "no function of this cloud")]
    public async Task A_resource_that_AWS_or_this_cloud_can_not_make_is_named(string resource, string named)
    {
        var (status, error) = await DeployAsync(t => t["Resources"]!["Extra"] = JsonNode.Parse(resource));
        Assert.Equal(1, status);
        Assert.Contains("Extra", error, StringComparison.Ordinal);
        Assert.Contains(named, error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_a_stack_of_the_CDK_has_besides_is_deployed()
    {
        var (status, error) = await DeployAsync(t =>
        {
            foreach (var (name, resource) in JsonNode.Parse("""
                {
                  "Key": { "Type": "AWS::KMS::Key", "Properties": { "EnableKeyRotation": true, "KeyPolicy": {} } },
                  "KeyAlias": { "Type": "AWS::KMS::Alias", "Properties": { "AliasName": "alias/x", "TargetKeyId": { "Fn::GetAtt": ["Key", "Arn"] } } },
                  "Alarm": { "Type": "AWS::CloudWatch::Alarm", "Properties": { "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": 0, "AlarmActions": [{ "Ref": "Topic" }] } },
                  "All": { "Type": "AWS::CloudWatch::CompositeAlarm", "Properties": { "AlarmRule": { "Fn::Sub": "ALARM(${Alarm})" } } },
                  "Board": { "Type": "AWS::CloudWatch::Dashboard", "Properties": { "DashboardBody": "{}" } },
                  "Log": { "Type": "AWS::Logs::LogGroup", "Properties": { "RetentionInDays": 7 } },
                  "Filter": { "Type": "AWS::Logs::MetricFilter", "Properties": { "LogGroupName": { "Ref": "Log" }, "FilterPattern": "error", "MetricTransformations": [] } },
                  "Version": { "Type": "AWS::Lambda::Version", "Properties": { "FunctionName": { "Ref": "Echo" } } },
                  "Live": { "Type": "AWS::Lambda::Alias", "Properties": { "FunctionName": { "Ref": "Echo" }, "FunctionVersion": { "Fn::GetAtt": ["Version", "Version"] }, "Name": "live" } },
                  "Parameter": { "Type": "AWS::SSM::Parameter", "Properties": { "Type": "String", "Value": { "Ref": "Live" } } },
                  "Artifacts": { "Type": "AWS::S3::Bucket", "Properties": { "BucketName": "artifacts-1", "VersioningConfiguration": { "Status": "Enabled" } } },
                  "Global": { "Type": "AWS::DynamoDB::GlobalTable", "Properties": { "Replicas": [{ "Region": "us-east-1" }], "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [{ "AttributeName": "k", "AttributeType": "S" }], "KeySchema": [{ "AttributeName": "k", "KeyType": "HASH" }] } },
                  "CDKMetadata": { "Type": "AWS::CDK::Metadata", "Properties": { "Analytics": "v2" } }
                }
                """)!.AsObject().ToList())
                t["Resources"]![name] = resource!.DeepClone();
        });
        Assert.Equal((0, ""), (status, error));
    }

    [Fact]
    public async Task The_permissions_that_a_role_has_used_are_shown()
    {
        using var http = new HttpClient();
        using var fired = await http.PostAsync(cloud.Management + "/schedules/hourly", null);
        for (var i = 0; i < 500; i++)
        {
            var roles = JsonNode.Parse(await http.GetStringAsync(cloud.Management + "/permissions"))!.AsObject();
            var role = roles.Single(r => r.Key.EndsWith("ScheduledRole", StringComparison.Ordinal)).Value!;
            if (role["used"]!.AsArray().Select(a => a!.ToString()).SequenceEqual(["sqs:SendMessage"]))
                return;
            await Task.Delay(20);
        }

        Assert.Fail("the dead letter's permission was never used");
    }

    /// <summary>Starts the program with the changed template of the tests until it is ready or ends.</summary>
    private static async Task<(int Status, string Error)> DeployAsync(Action<JsonNode> change, bool broken = false)
    {
        var template = JsonNode.Parse(await File.ReadAllTextAsync(LocalCloudProcess.Template))!;
        change(template);
        if (broken)
            template["Resources"]!["Scheduled"]!["Properties"]!["Handler"] = "broken";
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, template.ToJsonString());
            using var process = LocalCloudProcess.Start(
                "--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0", "--template", file, "--function-executable", LocalCloudProcess.Function);
            var error = process.StandardError.ReadToEndAsync();
            while (await process.StandardOutput.ReadLineAsync() is { } line)
            {
                if (line == "ready")
                    SignalProcess.Terminate(process.Id);
            }

            await process.WaitForExitAsync();
            return (process.ExitCode, process.ExitCode == 0 ? "" : (await error).TrimEnd().Split('\n')[^1]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
