using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

public sealed class AttachmentCliTests(LocalCloudProcess cloud)
{
    private readonly string _thing = CertificateCliTests.Unique("t");
    private readonly string _policy = CertificateCliTests.Unique("p");

    [Fact]
    public async Task A_policy_is_attached_listed_both_ways_and_detached()
    {
        var arn = await CertificateAsync();
        await CreatePolicyAsync();
        await Aws("attach-policy", "--policy-name", _policy, "--target", arn);
        await Aws("attach-policy", "--policy-name", _policy, "--target", arn);
        Assert.Equal([_policy], Names(await Aws("list-attached-policies", "--target", arn), "policies", "policyName"));
        Assert.Equal([arn], Texts(await Aws("list-targets-for-policy", "--policy-name", _policy), "targets"));
        Assert.Equal([_policy], Names(await Aws("list-principal-policies", "--principal", arn), "policies", "policyName"));
        Assert.Equal([arn], Texts(await Aws("list-policy-principals", "--policy-name", _policy), "principals"));
        Assert.Equal("DeleteConflictException", await Refused("delete-policy", "--policy-name", _policy));
        await Aws("detach-policy", "--policy-name", _policy, "--target", arn);
        await Aws("detach-policy", "--policy-name", _policy, "--target", arn);
        Assert.Empty(Names(await Aws("list-attached-policies", "--target", arn), "policies", "policyName"));
        await Aws("delete-policy", "--policy-name", _policy);
        Assert.Equal("ResourceNotFoundException", await Refused("get-policy", "--policy-name", _policy));
    }

    [Fact]
    public async Task The_older_form_attaches_and_detaches_the_same()
    {
        var arn = await CertificateAsync();
        await CreatePolicyAsync();
        await Aws("attach-principal-policy", "--policy-name", _policy, "--principal", arn);
        Assert.Equal([_policy], Names(await Aws("list-attached-policies", "--target", arn), "policies", "policyName"));
        await Aws("detach-principal-policy", "--policy-name", _policy, "--principal", arn);
        Assert.Empty(Names(await Aws("list-attached-policies", "--target", arn), "policies", "policyName"));
    }

    [Fact]
    public async Task A_target_that_is_not_there_or_not_one_is_refused()
    {
        await CreatePolicyAsync();
        var gone = $"arn:aws:iot:us-east-1:012345678901:cert/{new string('0', 64)}";
        Assert.Equal("ResourceNotFoundException", await Refused("attach-policy", "--policy-name", _policy, "--target", gone));
        Assert.Equal("InvalidRequestException", await Refused("attach-policy", "--policy-name", _policy, "--target", "nonsense"));
        Assert.Equal("ResourceNotFoundException", await Refused("attach-policy", "--policy-name", "no-such", "--target", await CertificateAsync()));
    }

    [Fact]
    public async Task No_more_than_ten_policies_fit_one_certificate()
    {
        var arn = await CertificateAsync();
        for (var i = 0; i < 10; i++)
        {
            await CreatePolicyAsync($"{_policy}-{i}");
            await Aws("attach-policy", "--policy-name", $"{_policy}-{i}", "--target", arn);
        }

        await CreatePolicyAsync();
        Assert.Equal("LimitExceededException", await Refused("attach-policy", "--policy-name", _policy, "--target", arn));
    }

    [Fact]
    public async Task Policy_versions_come_go_and_are_limited()
    {
        await CreatePolicyAsync();
        Assert.Equal("ResourceAlreadyExistsException", await Refused("create-policy", "--policy-name", _policy, "--policy-document", CertificateCliTests.PolicyDocument));
        Assert.Equal("MalformedPolicyException", await Refused("create-policy", "--policy-name", _policy + "x", "--policy-document", "{}"));
        for (var i = 2; i <= 5; i++)
        {
            var made = await Aws("create-policy-version", "--policy-name", _policy, "--policy-document", CertificateCliTests.PolicyDocument, "--set-as-default");
            Assert.Equal($"{i}", made["policyVersionId"]!.ToString());
            Assert.True(made["isDefaultVersion"]!.GetValue<bool>());
        }

        Assert.Equal("VersionsLimitExceededException", await Refused("create-policy-version", "--policy-name", _policy, "--policy-document", CertificateCliTests.PolicyDocument));
        Assert.Equal("DeleteConflictException", await Refused("delete-policy-version", "--policy-name", _policy, "--policy-version-id", "5"));
        Assert.Equal("DeleteConflictException", await Refused("delete-policy", "--policy-name", _policy));
        await Aws("set-default-policy-version", "--policy-name", _policy, "--policy-version-id", "2");
        await Aws("delete-policy-version", "--policy-name", _policy, "--policy-version-id", "5");
        Assert.Equal(["4", "3", "2", "1"], Names(await Aws("list-policy-versions", "--policy-name", _policy), "policyVersions", "versionId"));
        Assert.Equal("2", (await Aws("get-policy", "--policy-name", _policy))["defaultVersionId"]!.ToString());
        Assert.Equal("ResourceNotFoundException", await Refused("get-policy-version", "--policy-name", _policy, "--policy-version-id", "5"));
        Assert.Contains(_policy, Names(await Aws("list-policies"), "policies", "policyName"));
    }

    [Fact]
    public async Task A_certificate_on_a_thing_is_listed_both_ways_and_keeps_the_thing_from_going()
    {
        var arn = await CertificateAsync();
        await Aws("create-thing", "--thing-name", _thing);
        await Aws("attach-thing-principal", "--thing-name", _thing, "--principal", arn);
        await Aws("attach-thing-principal", "--thing-name", _thing, "--principal", arn);
        Assert.Equal([arn], Texts(await Aws("list-thing-principals", "--thing-name", _thing), "principals"));
        Assert.Equal([_thing], Texts(await Aws("list-principal-things", "--principal", arn), "things"));
        Assert.Equal("InvalidRequestException", await Refused("delete-thing", "--thing-name", _thing));
        await Aws("detach-thing-principal", "--thing-name", _thing, "--principal", arn);
        Assert.Equal([arn], Texts(await Aws("list-thing-principals", "--thing-name", _thing), "principals"));
    }

    /// <summary>Debian's CLI is older than exclusive things, so these requests are signed here.</summary>
    [Fact]
    public async Task An_exclusive_certificate_belongs_to_one_thing_alone()
    {
        var arn = await CertificateAsync();
        var other = _thing + "-other";
        await Aws("create-thing", "--thing-name", _thing);
        await Aws("create-thing", "--thing-name", other);
        using var api = new SignedHttp(cloud.Api);
        (string, string)[] principal = [("x-amzn-principal", arn)];
        Assert.Equal(200, (await api.SendAsync("iot", "PUT", $"/things/{_thing}/principals?thingPrincipalType=EXCLUSIVE_THING", headers: principal)).Status);
        var refused = await api.SendAsync("iot", "PUT", $"/things/{other}/principals", headers: principal);
        Assert.Equal((400, "InvalidRequestException"), (refused.Status, refused.Error));
        var again = await api.SendAsync("iot", "PUT", $"/things/{_thing}/principals", headers: principal);
        Assert.Equal((400, "InvalidRequestException"), (again.Status, again.Error));

        var listed = (await api.SendAsync("iot", "GET", $"/things/{_thing}/principals-v2?thingPrincipalType=EXCLUSIVE_THING")).Json;
        Assert.Equal(arn, listed["thingPrincipalObjects"]![0]!["principal"]!.ToString());
        Assert.Empty((await api.SendAsync("iot", "GET", $"/things/{_thing}/principals-v2?thingPrincipalType=NON_EXCLUSIVE_THING")).Json["thingPrincipalObjects"]!.AsArray());
        var things = (await api.SendAsync("iot", "GET", "/principals/things-v2", headers: principal)).Json["principalThingObjects"]!;
        Assert.Equal((_thing, "EXCLUSIVE_THING"), (things[0]!["thingName"]!.ToString(), things[0]!["thingPrincipalType"]!.ToString()));
        Assert.Equal("InvalidRequestException", (await api.SendAsync("iot", "GET", $"/things/{_thing}/principals-v2?thingPrincipalType=X")).Error);
    }

    private async Task<string> CertificateAsync() => (await Aws("create-keys-and-certificate"))["certificateArn"]!.ToString();

    private Task<JsonNode> CreatePolicyAsync(string? name = null) =>
        Aws("create-policy", "--policy-name", name ?? _policy, "--policy-document", CertificateCliTests.PolicyDocument);

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["iot", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["iot", .. arguments]);

    private static List<string> Names(JsonNode answer, string list, string name) => [.. answer[list]!.AsArray().Select(i => i![name]!.ToString())];

    private static List<string> Texts(JsonNode answer, string list) => [.. answer[list]!.AsArray().Select(i => i!.ToString())];
}
