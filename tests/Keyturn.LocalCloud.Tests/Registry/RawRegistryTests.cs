using System.Text;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

/// <summary>Operations that Debian's CLI of 2023 is too old for, as signed calls.</summary>
public sealed class RawRegistryTests(LocalCloudProcess cloud) : IDisposable
{
    private readonly SignedHttp _api = new(cloud.Api);

    public void Dispose() => _api.Dispose();

    /// <summary>GET /things/{thingName}/principals-v2 and GET /principals/things-v2.</summary>
    [Theory]
    [InlineData("ListThingPrincipalsV2", "ListPrincipalThingsV2")]
    public async Task Attachments_are_listed_with_their_kind_both_ways(string fromThing, string fromPrincipal)
    {
        var thing = CertificateCliTests.Unique("v2");
        await cloud.Aws.RunAsync("iot", "create-thing", "--thing-name", thing);
        var arn = (await cloud.Aws.RunAsync("iot", "create-keys-and-certificate"))["certificateArn"]!.ToString();
        Assert.Equal(200, (await _api.SendAsync("iot", "PUT", $"/things/{thing}/principals?thingPrincipalType=EXCLUSIVE_THING", null, null, ("x-amzn-principal", arn))).Status);

        var principals = await _api.SendAsync("iot", "GET", $"/things/{thing}/principals-v2?thingPrincipalType=EXCLUSIVE_THING");
        Assert.True(principals.Json["thingPrincipalObjects"]!.AsArray().Single()!["principal"]!.ToString() == arn, fromThing);
        var things = await _api.SendAsync("iot", "GET", "/principals/things-v2", null, null, ("x-amzn-principal", arn));
        Assert.True(things.Json["principalThingObjects"]!.AsArray().Single()!["thingName"]!.ToString() == thing, fromPrincipal);
        Assert.Empty((await _api.SendAsync("iot", "GET", $"/things/{thing}/principals-v2?thingPrincipalType=NON_EXCLUSIVE_THING")).Json["thingPrincipalObjects"]!.AsArray());
        Assert.Equal("InvalidRequestException", (await _api.SendAsync("iot", "GET", $"/things/{thing}/principals-v2?thingPrincipalType=x")).Error);
        Assert.Equal("ResourceNotFoundException", (await _api.SendAsync("iot", "GET", "/things/none/principals-v2")).Error);
        Assert.Equal("InvalidRequestException", (await _api.SendAsync("iot", "GET", "/principals/things-v2")).Error);
    }

    [Theory]
    [InlineData("UpdateThingType")]
    public async Task A_thing_types_description_is_changed(string operation)
    {
        var type = CertificateCliTests.Unique("type");
        await cloud.Aws.RunAsync("iot", "create-thing-type", "--thing-type-name", type);
        var body = Encoding.UTF8.GetBytes("""{"thingTypeProperties":{"thingTypeDescription":"pumps"}}""");
        var changed = await _api.SendAsync("iot", "PATCH", $"/thing-types/{type}", body);
        Assert.True(changed.Status == 200, $"{operation}: {changed.Text}");
        Assert.Equal("pumps", (await cloud.Aws.RunAsync("iot", "describe-thing-type", "--thing-type-name", type))["thingTypeProperties"]!["thingTypeDescription"]!.ToString());
        Assert.Equal("ResourceNotFoundException", (await _api.SendAsync("iot", "PATCH", "/thing-types/none", body)).Error);
    }

    [Fact]
    public async Task A_job_is_changed_and_given_more_targets()
    {
        var (first, second, job) = (CertificateCliTests.Unique("t"), CertificateCliTests.Unique("t"), CertificateCliTests.Unique("j"));
        foreach (var group in (string[])[first, second])
            await cloud.Aws.RunAsync("iot", "create-thing-group", "--thing-group-name", group);
        await cloud.Aws.RunAsync("iot", "create-job", "--job-id", job, "--targets", Arn(first), "--document", "{}", "--target-selection", "CONTINUOUS");
        await cloud.Aws.RunAsync("iot", "update-job", "--job-id", job, "--description", "changed");
        await cloud.Aws.RunAsync("iot", "associate-targets-with-job", "--job-id", job, "--targets", Arn(second));
        var shown = (await cloud.Aws.RunAsync("iot", "describe-job", "--job-id", job))["job"]!;
        Assert.Equal("changed", shown["description"]!.ToString());
        Assert.Equal(new[] { Arn(first), Arn(second) }.Order(), shown["targets"]!.AsArray().Select(t => t!.ToString()).Order());
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("iot", "update-job", "--job-id", "none", "--description", "x"));
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("iot", "associate-targets-with-job", "--job-id", "none", "--targets", Arn(first)));

        static string Arn(string group) => $"arn:aws:iot:us-east-1:012345678901:thinggroup/{group}";
    }

    [Fact]
    public async Task The_operator_is_a_user_and_a_wrong_key_nobody()
    {
        Assert.Equal("arn:aws:iam::012345678901:user/test", (await cloud.Aws.RunAsync("sts", "get-caller-identity"))["Arn"]!.ToString());
        using var wrong = new SignedHttp(cloud.Api) { KeyId = "nobody" };
        var refused = await wrong.SendAsync("sts", "POST", "/", Encoding.UTF8.GetBytes("Action=GetCallerIdentity&Version=2011-06-15"), "application/x-www-form-urlencoded");
        Assert.Contains("<Code>InvalidClientTokenId</Code>", refused.Text, StringComparison.Ordinal);
    }
}
