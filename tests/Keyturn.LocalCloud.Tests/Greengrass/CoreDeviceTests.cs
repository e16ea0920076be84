using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Greengrass;
using Keyturn.LocalCloud.Tests.Hosting;
using Keyturn.LocalCloud.Tests.Mqtt;

namespace Keyturn.LocalCloud.Tests.Greengrass;

/// <summary>What a core device sees: its deployments, its own credentials for artifacts, and what it says of itself.</summary>
public sealed class CoreDeviceTests
{
    private const string Jobs = "$aws/things/t1/jobs/";
    private const string Space = "namespace-aws-gg-deployment";
    private const string Trust = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}}""";
    private const string Recipe = """
        {"RecipeFormatVersion":"2020-01-25","ComponentName":"com.example.A","ComponentVersion":"VERSION","Manifests":[{"Platform":{"os":"linux","architecture":"amd64"},"Lifecycle":{"run":"sleep 1"}}]}
        """;

    [Fact]
    public async Task A_deployment_of_a_group_comes_as_a_job_that_the_ordinary_topics_do_not_show()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var device = await cloud.ConnectAsync("t1");
        await cloud.CallAsync("iot", "POST", "/thing-groups/g", "{}");
        await cloud.CallAsync("iot", "PUT", "/thing-groups/addThingToThingGroup", """{"thingGroupName":"g","thingName":"t1"}""");
        await device.SubscribeAsync(Jobs + "notify", Jobs + "notify-next", Jobs + "notify-next-" + Space, Jobs + "+/get/accepted");

        var made = await DeployAsync(cloud, "thinggroup/g");
        var (topic, told) = await device.NextAsync();
        Assert.Equal(Jobs + "notify-next-" + Space, topic);
        var document = JsonNode.Parse(told)!["execution"]!["jobDocument"]!;
        Assert.Equal((made["deploymentId"]!.ToString(), "arn:aws:greengrass:us-east-1:012345678901:configuration:thinggroup/g:1"), (document["deploymentId"]!.ToString(), document["configurationArn"]!.ToString()));
        Assert.Equal("""{"a":1}""", document["components"]!["com.example.A"]!["configurationUpdate"]!["merge"]!.ToJsonString());
        Assert.Equal(60, document["componentUpdatePolicy"]!["timeout"]!.GetValue<int>());

        await device.PublishAsync(Jobs + "$next/get", "{}");
        Assert.Null(JsonNode.Parse((await device.NextAsync()).Payload)!["execution"]);
        var job = made["iotJobId"]!.ToString();
        Assert.Equal(404, (await cloud.CallAsync("iot-jobs-data", "GET", $"/things/t1/jobs/{job}")).Status);
        await device.PublishAsync($"{Jobs}$next/{Space}/get", "{}");
        var (answered, next) = await device.NextAsync();
        Assert.Equal(($"{Jobs}$next/{Space}/get/accepted", job), (answered, JsonNode.Parse(next)!["execution"]!["jobId"]!.ToString()));
        await device.PublishAsync($"{Jobs}{job}/{Space}/update", """{"status":"FAILED","statusDetails":{"detailed-deployment-status":"FAILED_NO_STATE_CHANGE","deployment-failure-cause":"why"}}""");
        // Nothing is next any more, of this namespace.
        Assert.Equal(Jobs + "notify-next-" + Space, (await device.NextAsync()).Topic);
        Assert.Equal($"{Jobs}{job}/{Space}/update/accepted", (await device.NextAsync()).Topic);

        // Told of only once the device has said that it is a core device.
        Assert.Equal(404, (await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices/t1/effectiveDeployments")).Status);
        await device.PublishAsync("$aws/things/t1/greengrassv2/health/json", """
            {"ggcVersion":"2.18.0","platform":"linux","architecture":"amd64","thing":"t1","overallDeviceStatus":"UNHEALTHY","sequenceNumber":1,"timestamp":1,"messageType":"COMPLETE",
             "components":[{"componentName":"com.example.A","version":"1.0.0","state":"BROKEN","isRoot":true},{"componentName":"com.example.B","version":"1.0.0","state":"RUNNING","isRoot":false}]}
            """);
        var effective = (await EventuallyAsync(cloud, "/greengrass/v2/coreDevices/t1/effectiveDeployments"))["effectiveDeployments"]![0]!;
        Assert.Equal(("FAILED", "FAILED_NO_STATE_CHANGE: why"), (effective["coreDeviceExecutionStatus"]!.ToString(), effective["reason"]!.ToString()));
        Assert.Equal("2.18.0", (await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices/t1")).Json["coreVersion"]!.ToString());
        Assert.Equal("t1", (await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices?status=UNHEALTHY")).Json["coreDevices"]![0]!["coreDeviceThingName"]!.ToString());
        Assert.Empty((await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices?status=HEALTHY")).Json["coreDevices"]!.AsArray());
        Assert.Single((await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices/t1/installedComponents")).Json["installedComponents"]!.AsArray());
        Assert.Equal(2, (await cloud.CallAsync("greengrass", "GET", "/greengrass/v2/coreDevices/t1/installedComponents?topologyFilter=ALL")).Json["installedComponents"]!.AsArray().Count);
        Assert.Equal(204, (await cloud.CallAsync("greengrass", "DELETE", "/greengrass/v2/coreDevices/t1")).Status);
    }

    [Fact]
    public async Task What_is_begun_when_it_is_replaced_may_be_finished_and_who_joins_later_gets_the_latest()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var device = await cloud.ConnectAsync("t1");
        await cloud.CallAsync("iot", "POST", "/thing-groups/g", "{}");
        await device.SubscribeAsync($"{Jobs}notify-next-{Space}");
        var first = await DeployAsync(cloud, "thinggroup/g");
        await cloud.CallAsync("iot", "PUT", "/thing-groups/addThingToThingGroup", """{"thingGroupName":"g","thingName":"t1"}""");
        Assert.Equal(first["iotJobId"]!.ToString(), Next(await device.NextAsync()));
        await device.PublishAsync($"{Jobs}{first["iotJobId"]}/{Space}/update", """{"status":"IN_PROGRESS"}""");
        Assert.Equal($"{Jobs}{first["iotJobId"]}/{Space}/update/accepted", (await device.NextAsync()).Topic);

        var second = await DeployAsync(cloud, "thinggroup/g");
        await device.PublishAsync($"{Jobs}{first["iotJobId"]}/{Space}/update", """{"status":"SUCCEEDED"}""");

        Assert.Equal(second["iotJobId"]!.ToString(), Next(await NotificationAsync(device)));
        Assert.Equal("ACTIVE", (await cloud.CallAsync("greengrass", "GET", $"/greengrass/v2/deployments/{second["deploymentId"]}")).Json["deploymentStatus"]!.ToString());
    }

    [Fact]
    public async Task A_thing_reports_on_its_deployment_in_the_shadow()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var device = await cloud.ConnectAsync("t1");
        var made = await DeployAsync(cloud, "thing/t1");
        var path = $"/greengrass/v2/deployments/{made["deploymentId"]}";
        Assert.Equal("ACTIVE", (await cloud.CallAsync("greengrass", "GET", path)).Json["deploymentStatus"]!.ToString());

        await device.SubscribeAsync("$aws/things/t1/shadow/name/AWSManagedGreengrassV2Deployment/update/accepted");
        await device.PublishAsync("$aws/things/t1/shadow/name/AWSManagedGreengrassV2Deployment/update", """
            {"state":{"reported":{"fleetConfigurationArnForStatus":"arn:aws:greengrass:us-east-1:012345678901:configuration:thing/t1:1","status":"SUCCEEDED","statusDetails":{"detailedStatus":"SUCCESSFUL"}}}}
            """);
        await device.NextAsync();

        Assert.Equal("COMPLETED", (await cloud.CallAsync("greengrass", "GET", path)).Json["deploymentStatus"]!.ToString());
    }

    [Fact]
    public async Task A_certificate_buys_a_recipe_and_credentials_that_may_do_what_the_role_may()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var certificate = await cloud.AddDeviceAsync("t1");
        foreach (var version in (string[])["1.0.0", "1.2.0", "2.0.0"])
        {
            var body = new JsonObject { ["inlineRecipe"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(Recipe.Replace("VERSION", version, StringComparison.Ordinal))) };
            Assert.Equal(201, (await cloud.CallAsync("greengrass", "POST", "/greengrass/v2/createComponentVersion", body.ToJsonString())).Status);
        }

        using var device = Http(certificate);
        var url = $"https://localhost:{cloud.Cloud.HttpsPort}";
        Assert.Equal(HttpStatusCode.Forbidden, (await ResolveAsync("^1.0.0", "amd64")).Status);
        await AllowAsync("greengrass:*");
        // An operation of the control plane is not for devices, whatever their policies say.
        using var control = await device.GetAsync(url + "/greengrass/v2/components");
        Assert.Equal(HttpStatusCode.Forbidden, control.StatusCode);
        var resolved = await ResolveAsync("^1.0.0", "amd64");
        Assert.Equal("1.2.0", resolved.Json["resolvedComponentVersions"]![0]!["componentVersion"]!.ToString());
        Assert.Equal("com.example.A", JsonNode.Parse(Convert.FromBase64String(resolved.Json["resolvedComponentVersions"]![0]!["recipe"]!.ToString()))!["ComponentName"]!.ToString());
        Assert.Equal(HttpStatusCode.NotFound, (await ResolveAsync("^1.0.0", "aarch64")).Status);
        Assert.Equal(HttpStatusCode.NotFound, (await ResolveAsync("^3.0.0", "amd64")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await ResolveAsync("newest", "amd64")).Status);
        using var groups = await device.GetAsync(url + "/greengrass/v2/coreDevices/t1/thingGroups"); // "ListThingGroupsForCoreDevice"
        Assert.Equal(HttpStatusCode.OK, groups.StatusCode);
        using var others = await device.GetAsync(url + "/greengrass/v2/coreDevices/t2/thingGroups");
        Assert.Equal(HttpStatusCode.Forbidden, others.StatusCode);

        await cloud.CallAsync("s3", "PUT", "/bucket");
        await cloud.CallAsync("s3", "PUT", "/bucket/key", "content");
        Assert.Equal(HttpStatusCode.NotFound, (await CredentialsAsync()).Status);
        Assert.Equal(200, (await cloud.CallAsync("iam", "POST", "/", Form("CreateRole", ("RoleName", "tes"), ("AssumeRolePolicyDocument", Trust)), "application/x-www-form-urlencoded")).Status);
        Assert.Equal(200, (await cloud.CallAsync("iot", "POST", "/role-aliases/alias", """{"roleArn":"arn:aws:iam::012345678901:role/tes"}""")).Status);
        var got = await CredentialsAsync(); // "AssumeRoleWithCertificate"
        Assert.Equal(HttpStatusCode.OK, got.Status);
        var credentials = got.Json["credentials"]!;
        using var s3 = new SignedHttp(cloud.Cloud.ApiUrl)
        {
            At = cloud.Time.GetUtcNow(), KeyId = credentials["accessKeyId"]!.ToString(), Secret = credentials["secretAccessKey"]!.ToString(), Token = credentials["sessionToken"]!.ToString(),
        };
        using (var withoutToken = new SignedHttp(cloud.Cloud.ApiUrl) { At = cloud.Time.GetUtcNow(), KeyId = s3.KeyId, Secret = s3.Secret })
            Assert.Contains("<Code>InvalidToken</Code>", (await withoutToken.SendAsync("s3", "GET", "/bucket/key")).Text, StringComparison.Ordinal);
        var refused = await s3.SendAsync("s3", "GET", "/bucket/key");
        Assert.Contains("not authorized to perform: s3:GetObject on resource: arn:aws:s3:::bucket/key", refused.Text, StringComparison.Ordinal);
        var policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket/*"}}""";
        Assert.Equal(200, (await cloud.CallAsync("iam", "POST", "/", Form("PutRolePolicy", ("RoleName", "tes"), ("PolicyName", "p"), ("PolicyDocument", policy)), "application/x-www-form-urlencoded")).Status);
        Assert.Equal("content", (await s3.SendAsync("s3", "GET", "/bucket/key")).Text);

        // Whoever makes a component of an object must be allowed to read it.
        var maker = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"greengrass:CreateComponentVersion","Resource":"*"}}""";
        await cloud.CallAsync("iam", "POST", "/", Form("PutRolePolicy", ("RoleName", "tes"), ("PolicyName", "maker"), ("PolicyDocument", maker)), "application/x-www-form-urlencoded");
        var recipe = """{"RecipeFormatVersion":"2020-01-25","ComponentName":"com.example.B","ComponentVersion":"1.0.0","Manifests":[{"Artifacts":[{"Uri":"s3://bucket/key"}]}]}""";
        var asked = new JsonObject { ["inlineRecipe"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(recipe)) }.ToJsonString();
        await cloud.CallAsync("iam", "POST", "/", Form("DeleteRolePolicy", ("RoleName", "tes"), ("PolicyName", "p")), "application/x-www-form-urlencoded");
        var unread = await s3.SendAsync("greengrass", "POST", "/greengrass/v2/createComponentVersion", Encoding.UTF8.GetBytes(asked));
        Assert.Equal("ValidationException", unread.Error);
        Assert.Contains("s3://bucket/key = Specified artifact resource cannot be accessed", unread.Text, StringComparison.Ordinal);
        await cloud.CallAsync("iam", "POST", "/", Form("PutRolePolicy", ("RoleName", "tes"), ("PolicyName", "p"), ("PolicyDocument", policy)), "application/x-www-form-urlencoded");
        Assert.Equal(201, (await s3.SendAsync("greengrass", "POST", "/greengrass/v2/createComponentVersion", Encoding.UTF8.GetBytes(asked))).Status);

        async Task<(HttpStatusCode Status, JsonNode Json)> ResolveAsync(string requirement, string architecture)
        {
            using var content = new StringContent(
                """{"platform":{"attributes":{"os":"linux","architecture":"ARCHITECTURE"}},"componentCandidates":[{"componentName":"com.example.A","versionRequirements":{"root":"REQUIREMENT"}}]}"""
                    .Replace("ARCHITECTURE", architecture, StringComparison.Ordinal).Replace("REQUIREMENT", requirement, StringComparison.Ordinal));
            using var answer = await device.PostAsync(url + "/greengrass/v2/resolveComponentCandidates", content); // "ResolveComponentCandidates"
            return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
        }

        async Task<(HttpStatusCode Status, JsonNode Json)> CredentialsAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url + "/role-aliases/alias/credentials");
            request.Headers.Add("x-amzn-iot-thingname", "t1");
            using var answer = await device.SendAsync(request);
            return (answer.StatusCode, JsonNode.Parse(await answer.Content.ReadAsStringAsync())!);
        }

        async Task AllowAsync(string action)
        {
            var document = $$$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["iot:*","{{{action}}}"],"Resource":"*"}}""";
            await cloud.CallAsync("iot", "POST", "/policies/more", new JsonObject { ["policyDocument"] = document }.ToJsonString());
            var id = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(certificate.RawData));
            await cloud.CallAsync("iot", "PUT", "/target-policies/more", $$"""{"target":"arn:aws:iot:us-east-1:012345678901:cert/{{id}}"}""");
        }
    }

    [Theory]
    [InlineData(">=2.6.0", "2.18.0", true)]
    [InlineData(">=2.6.0 <3.0.0", "3.0.0", false)]
    [InlineData("^1.2.0", "1.9.0", true)]
    [InlineData("^0.2.0", "0.3.0", false)]
    [InlineData("~1.2.0", "1.3.0", false)]
    [InlineData("1.0.0 || 2.0.0", "2.0.0", true)]
    [InlineData("*", "0.0.1", true)]
    [InlineData(">1.0.0-rc.9", "1.0.0-rc.10", true)]
    public void A_requirement_is_a_range(string requirement, string version, bool isMet) =>
        Assert.Equal(isMet, VersionRequirement.TryParse(requirement)!.IsMetBy(SemanticVersion.TryParse(version)!));

    private static async Task<JsonNode> DeployAsync(TimedCloud cloud, string target)
    {
        var made = await cloud.CallAsync("greengrass", "POST", "/greengrass/v2/deployments", """
            {"targetArn":"arn:aws:iot:us-east-1:012345678901:TARGET","components":{"com.example.A":{"componentVersion":"1.0.0","configurationUpdate":{"merge":"{\"a\":1}"}}}}
            """.Replace("TARGET", target, StringComparison.Ordinal));
        Assert.Equal(201, made.Status);
        return made.Json;
    }

    private static async Task<JsonNode> EventuallyAsync(TimedCloud cloud, string path)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            if (await cloud.CallAsync("greengrass", "GET", path) is { Status: 200 } answer)
                return answer.Json;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        throw new TimeoutException(path);
    }

    private static async Task<(string Topic, string Payload)> NotificationAsync(TestClient device)
    {
        var message = await device.NextAsync();
        return message.Topic.Contains("/notify-next", StringComparison.Ordinal) ? message : await device.NextAsync();
    }

    private static string Next((string Topic, string Payload) notification) => JsonNode.Parse(notification.Payload)!["execution"]!["jobId"]!.ToString();

    private static string Form(string action, params (string Name, string Value)[] members) =>
        string.Join('&', members.Prepend(("Action", action)).Select(m => $"{m.Item1}={Uri.EscapeDataString(m.Item2)}"));

    internal static HttpClient Http(X509Certificate2 certificate)
    {
        var handler = new SocketsHttpHandler
        {
            SslOptions = new() { ClientCertificates = [certificate], RemoteCertificateValidationCallback = (_, server, _, _) => server?.Subject == "CN=localhost" },
        };
        return new HttpClient(handler);
    }
}
