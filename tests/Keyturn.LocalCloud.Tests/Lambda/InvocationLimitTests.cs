using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Lambda;

/// <summary>Who may invoke a function, and how often at a time.</summary>
public sealed class InvocationLimitTests
{
    private const string Template = """
        {"Resources":{
          "Role":{"Type":"AWS::IAM::Role","Properties":{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Service":["lambda.amazonaws.com","iot.amazonaws.com"]},"Action":"sts:AssumeRole"}]},
            "Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iot:Publish","Resource":"*"}]}}]}},
          "Once":{"Type":"AWS::Lambda::Function","Properties":{"FunctionName":"once","Runtime":"provided.al2023","Handler":"once","Timeout":30,
            "ReservedConcurrentExecutions":1,"Role":{"Fn::GetAtt":["Role","Arn"]},"Code":{"ZipFile":"none"}}},
          "Rule":{"Type":"AWS::IoT::TopicRule","Properties":{"RuleName":"calls","TopicRulePayload":{"Sql":"SELECT * FROM 'calls'","AwsIotSqlVersion":"2016-03-23",
            "Actions":[{"Lambda":{"FunctionArn":{"Fn::GetAtt":["Once","Arn"]}}}],
            "ErrorAction":{"Republish":{"Topic":"errors","RoleArn":{"Fn::GetAtt":["Role","Arn"]}}}}}}
          PERMISSION}}
        """;

    private const string Permission = """
        ,"May":{"Type":"AWS::Lambda::Permission","Properties":{"FunctionName":{"Ref":"Once"},"Action":"lambda:InvokeFunction","Principal":"PRINCIPAL",
          "SourceArn":"arn:aws:iot:us-east-1:012345678901:rule/RULE"}}
        """;

    [Theory]
    [InlineData("", false)]
    [InlineData("events.amazonaws.com calls", false)]
    [InlineData("iot.amazonaws.com other", false)]
    [InlineData("iot.amazonaws.com calls", true)]
    public async Task A_rule_invokes_a_function_that_permits_it_to_and_no_other(string permission, bool isInvoked)
    {
        await using var cloud = await StartAsync(permission);
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("errors");

        await device.PublishAsync("calls", "{}");

        if (isInvoked)
        {
            Assert.True(await device.HeardNothingAsync());
            return;
        }

        var failure = JsonNode.Parse((await device.NextAsync()).Payload)!["failures"]![0]!;
        Assert.Contains("is not permitted to invoke once", failure["errorMessage"]!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beyond_its_reserved_concurrency_a_function_is_throttled()
    {
        await using var cloud = await StartAsync("");
        var answers = await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => InvokeAsync("""{"do":"slow","word":"w"}""")));

        Assert.Contains(answers, a => a.Status == 200);
        var refused = answers.First(a => a.Status != 200);
        Assert.Equal((429, "TooManyRequestsException", "ReservedFunctionConcurrentInvocationLimitExceeded"), (refused.Status, refused.Error, refused.Json["Reason"]!.ToString()));
        Assert.Equal(200, (await InvokeAsync("{}")).Status);

        Task<SignedAnswer> InvokeAsync(string payload) => cloud.CallAsync("lambda", "POST", "/2015-03-31/functions/once/invocations", payload);
    }

    private static async Task<TimedCloud> StartAsync(string permission)
    {
        var file = Path.GetTempFileName();
        var words = permission.Split(' ');
        await File.WriteAllTextAsync(file, Template.Replace(
            "PERMISSION", permission.Length == 0 ? "" : Permission.Replace("PRINCIPAL", words[0], StringComparison.Ordinal).Replace("RULE", words[1], StringComparison.Ordinal), StringComparison.Ordinal));
        try
        {
            return await TimedCloud.StartAsync(template: file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
