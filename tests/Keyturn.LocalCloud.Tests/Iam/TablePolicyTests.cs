using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Greengrass;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Iam;

public sealed class TablePolicyTests
{
    /// <summary>The role may delete and query; the table lets it get, and denies deleting.</summary>
    private const string Template = """
        {"Resources":{
          "Role":{"Type":"AWS::IAM::Role","Properties":{"RoleName":"reader","AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]},
            "Policies":[{"PolicyName":"p","PolicyDocument":{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["dynamodb:DeleteItem","dynamodb:PutItem"],"Resource":"*"}]}}]}},
          "Table":{"Type":"AWS::DynamoDB::Table","Properties":{"TableName":"table","BillingMode":"PAY_PER_REQUEST",
            "AttributeDefinitions":[{"AttributeName":"k","AttributeType":"S"}],"KeySchema":[{"AttributeName":"k","KeyType":"HASH"}],
            "ResourcePolicy":{"PolicyDocument":{"Version":"2012-10-17","Statement":[
              {"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::012345678901:role/reader"},"Action":"dynamodb:GetItem","Resource":"*"},
              {"Effect":"Deny","Principal":"*","Action":"dynamodb:DeleteItem","Resource":"*"}]}}}}}}
        """;

    [Theory]
    [InlineData("GetItem", true)]
    [InlineData("DeleteItem", false)]
    [InlineData("PutItem", true)]
    [InlineData("UpdateItem", false)]
    public async Task A_tables_own_policy_allows_and_denies_beside_the_roles(string operation, bool isAllowed)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, Template, TestContext.Current.CancellationToken);
        await using var cloud = await TimedCloud.StartAsync(template: file);
        File.Delete(file);
        var certificate = await cloud.AddDeviceAsync("t1");
        Assert.Equal(200, (await cloud.CallAsync("iot", "POST", "/role-aliases/alias", """{"roleArn":"arn:aws:iam::012345678901:role/reader"}""")).Status);
        using var device = CoreDeviceTests.Http(certificate);
        var credentials = JsonNode.Parse(await device.GetStringAsync($"https://localhost:{cloud.Cloud.HttpsPort}/role-aliases/alias/credentials", TestContext.Current.CancellationToken))!["credentials"]!;
        using var api = new SignedHttp(cloud.Cloud.ApiUrl)
        {
            At = cloud.Time.GetUtcNow(), KeyId = credentials["accessKeyId"]!.ToString(), Secret = credentials["secretAccessKey"]!.ToString(), Token = credentials["sessionToken"]!.ToString(),
        };
        var request = operation == "PutItem" ? """{"TableName":"table","Item":{"k":{"S":"a"}}}""" : """{"TableName":"table","Key":{"k":{"S":"a"}}}""";

        var answer = await api.SendAsync("dynamodb", "POST", "/", Encoding.UTF8.GetBytes(request), "application/x-amz-json-1.0", ("x-amz-target", "DynamoDB_20120810." + operation));

        Assert.Equal(isAllowed ? (200, null) : (400, "AccessDeniedException"), (answer.Status, answer.Error));
    }
}
