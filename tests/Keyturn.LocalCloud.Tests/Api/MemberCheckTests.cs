using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Api;

/// <summary>Members of which AWS has constraints, or which this cloud does not offer: refused before anything is looked for, never passed over.</summary>
public sealed class MemberCheckTests
{
    [Fact]
    public async Task A_member_that_breaks_its_constraint_or_is_not_offered_is_refused_whatever_the_rest_names()
    {
        await using var cloud = await TimedCloud.StartAsync();
        await cloud.CallAsync("iot", "POST", "/things/here", "{}");
        foreach (var (method, path, body) in ((string, string, string?)[])[
            ("POST", "/things/t", """{"billingGroupName":"b"}"""),
            ("POST", "/thing-types/t", """{"thingTypeProperties":{"mqtt5Configuration":{"propagatingAttributes":[{}]}}}"""),
            ("POST", "/thing-groups/g", """{"tags":"x"}"""),
            ("POST", "/thing-groups/g", """{"tags":["x"]}"""),
            ("POST", "/thing-groups/g", """{"tags":[{"Value":"v"}]}"""),
            ("POST", "/thing-groups/g", """{"tags":[{"Key":""}]}"""),
            ("POST", "/thing-groups/g", """{"tags":[{"Key":"k","Value":7}]}"""),
            ("POST", "/thing-groups/g", $$"""{"tags":[{"Key":"{{new string('k', 129)}}"}]}"""),
            ("POST", "/thing-groups/g", $$"""{"tags":[{"Key":"k","Value":"{{new string('v', 257)}}"}]}"""),
            ("POST", "/thing-groups/g", "{\"tags\":[" + string.Join(',', Enumerable.Range(0, 51).Select(i => $$"""{"Key":"{{i}}"}""")) + "]}"),
            ("PUT", "/jobs/j", """{"targets":["arn:aws:iot:us-east-1:012345678901:thing/here"],"document":"{}","presignedUrlConfig":{"roleArn":"short"}}"""),
            ("PUT", "/jobs/j", """{"targets":["arn:aws:iot:us-east-1:012345678901:thing/here"],"document":"{}","presignedUrlConfig":{"expiresInSec":59}}"""),
            ("PUT", "/jobs/j", """{"targets":["arn:aws:iot:us-east-1:012345678901:thing/here"],"document":"{}","namespaceId":"n"}"""),
            ("PUT", "/job-templates/t", """{"description":"d","document":"{}","destinationPackageVersions":["v"]}"""),
            ("GET", "/jobs?thingGroupId=x", null), ("GET", "/jobs/none?beforeSubstitution=perhaps", null), ("GET", "/jobs/none/things?maxResults=0", null),
            ("GET", "/things/none/jobs?namespaceId=a%20b", null), ("GET", "/things?maxResults=251", null), ("GET", "/certificates?pageSize=many", null),
            ("GET", "/role-aliases?ascendingOrder=up", null), ("GET", "/cacertificates?templateName=x", null),
            ("PATCH", "/jobs/none", """{"timeoutConfig":{"inProgressTimeoutInMinutes":0}}"""),
            ("POST", "/jobs/none/targets", """{"targets":[]}"""),
            ("PATCH", "/things/none", """{"attributePayload":7}"""), ("PATCH", "/thing-groups/none", """{"thingGroupProperties":[]}"""),
            ("POST", "/indexing/config", """{"thingGroupIndexingConfiguration":{}}"""),
        ])
        {
            var answer = await cloud.CallAsync("iot", method, path, body);
            Assert.True((400, "InvalidRequestException") == (answer.Status, answer.Error), $"{method} {path} {body}: {answer.Status} {answer.Text}");
        }

        foreach (var (method, path, body) in ((string, string, string?)[])[
            ("GET", "/greengrass/v2/coreDevices?runtime=aws_nucleus_lite", null), ("GET", "/greengrass/v2/deployments?parentTargetArn=x", null), ("GET", "/greengrass/v2/coreDevices/none/installedComponents?maxResults=101", null),
            ("POST", "/greengrass/v2/deployments", """{"targetArn":"arn:aws:iot:us-east-1:012345678901:thing/here","iotJobConfiguration":{"timeoutConfig":{"inProgressTimeoutInMinutes":0}}}"""),
            ("POST", "/greengrass/v2/deployments", """{"targetArn":"arn:aws:iot:us-east-1:012345678901:thing/here","tags":{"k":7}}"""),
        ])
        {
            var answer = await cloud.CallAsync("greengrass", method, path, body);
            Assert.True((400, "ValidationException") == (answer.Status, answer.Error), $"{method} {path} {body}: {answer.Status} {answer.Text}");
        }

        foreach (var (service, target, body, error) in ((string, string, string, string)[])[
            ("sqs", "AmazonSQS.CreateQueue", """{"QueueName":"q","tags":[]}""", "SerializationException"),
            ("sqs", "AmazonSQS.CreateQueue", """{"QueueName":"q","tags":{"k":7}}""", "SerializationException"),
            ("acm-pca", "ACMPrivateCA.ListCertificateAuthorities", """{"ResourceOwner":"NOBODY"}""", "ValidationException"),
            ("dynamodb", "DynamoDB_20120810.ListTables", """{"ExclusiveStartTableName":"a"}""", "ValidationException"),
            ("dynamodb", "DynamoDB_20120810.ListTables", """{"ExclusiveStartTableName":"a b c"}""", "ValidationException"),
        ])
        {
            var answer = await cloud.CallAsync(service, "POST", "/", body, "application/x-amz-json-1.1", ("x-amz-target", target));
            Assert.True((400, error) == (answer.Status, answer.Error), $"{target} {body}: {answer.Status} {answer.Text}");
        }

        var published = await cloud.CallAsync("iotdata", "POST", "/topics/a", "x", null, ("x-amz-mqtt5-payload-format-indicator", "NONSENSE"));
        Assert.Equal((400, "InvalidRequestException"), (published.Status, published.Error));
        // And what is as it should be is taken.
        Assert.Equal(200, (await cloud.CallAsync("iot", "POST", "/thing-groups/g", """{"tags":[{"Key":"owner","Value":"Zoë @ home"}]}""")).Status);
        Assert.Equal(201, (await cloud.CallAsync("greengrass", "POST", "/greengrass/v2/deployments", """{"targetArn":"arn:aws:iot:us-east-1:012345678901:thing/here","tags":{"k":"v"}}""")).Status);
    }

    [Fact]
    public async Task A_principal_attached_again_stays_although_a_detaching_was_on_its_way()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "mild");
        await cloud.AddDeviceAsync("t1");
        var arn = (await cloud.CallAsync("iot", "GET", "/things/t1/principals")).Json["principals"]![0]!.ToString();
        foreach (var (method, query) in ((string, string)[])[("DELETE", ""), ("PUT", "?thingPrincipalType=EXCLUSIVE_THING")])
            Assert.Equal(200, (await cloud.CallAsync("iot", method, "/things/t1/principals" + query, null, null, ("x-amzn-principal", arn))).Status);

        cloud.Time.Advance(TimeSpan.FromSeconds(1));

        Assert.Single((await cloud.CallAsync("iot", "GET", "/things/t1/principals-v2?thingPrincipalType=EXCLUSIVE_THING")).Json["thingPrincipalObjects"]!.AsArray());
    }
}
