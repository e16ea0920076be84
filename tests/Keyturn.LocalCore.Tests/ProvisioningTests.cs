using System.Diagnostics;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Tests.Support;

namespace Keyturn.LocalCore.Tests;

public sealed class ProvisioningTests : IDisposable
{
    private readonly TestAuthority authority = new();
    private readonly StubAwsApi api;
    private readonly string root = Path.Combine(Path.GetTempPath(), "core-" + Guid.NewGuid().ToString("N"));

    public ProvisioningTests() => api = new(authority);

    public void Dispose()
    {
        api.Dispose();
        authority.Dispose();
        if (Directory.Exists(root))
            Directory.Delete(root, recursive: true);
    }

    [Fact]
    public async Task A_core_is_registered_with_a_certificate_of_its_own_key_and_no_other_thing()
    {
        var (exit, error) = await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root, "--group", "cellar");

        Assert.Equal((0, ""), (exit, error));
        Assert.Equal(
            [
                "GET /root-ca.pem",
                "GET /endpoint?endpointType=iot%3AData-ATS", "GET /endpoint?endpointType=iot%3AJobs", "GET /endpoint?endpointType=iot%3ACredentialProvider",
                "GET /things/pump1", "POST /things/pump1", "POST /certificates?setAsActive=true",
                "POST /", "POST /", "POST /role-aliases/GreengrassV2TokenExchangeRoleAlias",
                "POST /policies/GreengrassV2IoTThingPolicy", "PUT /target-policies/GreengrassV2IoTThingPolicy",
                "PUT /things/pump1/principals?thingPrincipalType=EXCLUSIVE_THING",
                "POST /thing-groups/cellar", "PUT /thing-groups/addThingToThingGroup",
            ],
            api.Calls.Select(c => c.Call));
        Assert.All(api.Calls.Skip(1), c => Assert.Matches(@"^AWS4-HMAC-SHA256 Credential=test/\d{8}/us-east-1/(iot|iam)/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date(;x-amzn-principal)?, Signature=[0-9a-f]{64}$", c.Authorization));
        Assert.Equal("arn:aws:iot:us-east-1:012345678901:cert/c0ffee", api.Calls.Single(c => c.Call.Contains("principals", StringComparison.Ordinal)).Principal);
        Assert.Contains("BEGIN CERTIFICATE REQUEST", api.Calls.Single(c => c.Call.StartsWith("POST /certificates", StringComparison.Ordinal)).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_root_directory_is_as_an_installer_leaves_it()
    {
        await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path.Combine(root, "privKey.key")));
        Assert.StartsWith("-----BEGIN RSA PRIVATE KEY-----", await ReadAsync("privKey.key"), StringComparison.Ordinal);
        Assert.Equal(authority.RootPem, await ReadAsync("rootCA.pem"));
        var settings = new NucleusSettings(TransactionLog.Load(root), root);
        Assert.Equal(("pump1", "localhost", 1883, "us-east-1"), (settings.ThingName, settings.DataEndpoint, settings.MqttPort, settings.Region));
        Assert.Equal((Path.Combine(root, "thingCert.crt"), Path.Combine(root, "rootCA.pem")), (settings.CertificatePath, settings.RootCaPath));
        // People and other tools read the YAML; it says the same.
        Assert.True(JsonNode.DeepEquals(TransactionLog.Load(root).Read(), YamlText.Read(await ReadAsync("config/effectiveConfig.yaml"))));
    }

    [Fact]
    public async Task The_policy_is_bound_to_the_thing_of_the_connection()
    {
        await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root);

        var document = JsonNode.Parse((string)JsonNode.Parse(api.Calls.Single(c => c.Call.StartsWith("POST /policies", StringComparison.Ordinal)).Body)!["policyDocument"]!)!;
        // What a core asks of Greengrass for itself is bound to its thing by the service.
        var resources = document["Statement"]!.AsArray().Where(s => (string?)s!["Action"]![0] is not ("greengrass:*" or "iot:AssumeRoleWithCertificate")).SelectMany(s => s!["Resource"]!.AsArray().Select(r => (string)r!)).ToList();
        Assert.All(resources, r => Assert.Contains("${iot:Connection.Thing.ThingName}", r, StringComparison.Ordinal));
        Assert.Equal(
            ["arn:aws:iot:us-east-1:012345678901:client/${iot:Connection.Thing.ThingName}*"],
            resources.Where(r => r.Contains(":client/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_policy_and_a_group_that_exist_are_used()
    {
        api.Refusals["POST /policies/GreengrassV2IoTThingPolicy"] = (409, "ResourceAlreadyExistsException");
        api.Refusals["POST /thing-groups/cellar"] = (409, "ResourceAlreadyExistsException");

        Assert.Equal((0, ""), await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root, "--group", "cellar"));
    }

    [Fact]
    public async Task A_thing_or_a_directory_that_exists_is_left_alone()
    {
        api.Refusals.Clear();
        var (exit, error) = await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root);
        Assert.Equal(1, exit);
        Assert.Contains("thing 'pump1' exists already; nothing was changed", error, StringComparison.Ordinal);
        Assert.DoesNotContain(api.Calls, c => !c.Call.StartsWith("GET ", StringComparison.Ordinal));
        Assert.False(Directory.Exists(root));

        Directory.CreateDirectory(root);
        await File.WriteAllTextAsync(Path.Combine(root, "thingCert.crt"), "kept", TestContext.Current.CancellationToken);
        (exit, error) = await RunAsync("--provision", api.Url, "--thing", "pump2", "--root", root);
        Assert.Equal(1, exit);
        Assert.Contains("holds a core already; nothing was changed", error, StringComparison.Ordinal);
        Assert.Equal("kept", await ReadAsync("thingCert.crt"));
    }

    [Fact]
    public async Task A_refusal_half_way_says_what_is_left_behind()
    {
        api.Refusals["POST /certificates?setAsActive=true"] = (400, "LimitExceededException");

        var (exit, error) = await RunAsync("--provision", api.Url, "--thing", "pump1", "--root", root);

        Assert.Equal(1, exit);
        Assert.Equal("local-core: CreateCertificateFromCsr was refused: LimitExceededException: as the test wants. "
            + "Thing 'pump1' was made and is unfinished: delete it, or choose another --thing\n", error);
    }

    [Theory]
    [InlineData("--root DIR is missing")]
    [InlineData("is not an http URL", "--root", "r", "--provision", "somewhere", "--thing", "t")]
    [InlineData("--thing NAME is missing", "--root", "r", "--provision", "http://127.0.0.1:1")]
    [InlineData("is not a name that AWS IoT takes", "--root", "r", "--provision", "http://127.0.0.1:1", "--thing", "a b")]
    [InlineData("can't be reached", "--root", "r", "--provision", "http://127.0.0.1:1", "--thing", "t")]
    [InlineData("holds no core", "--root", "/nowhere")]
    [InlineData("'--colour'", "--colour")]
    public async Task A_wrong_command_line_is_answered_with_one_line(string says, params string[] arguments)
    {
        var (exit, error) = await RunAsync(arguments);

        Assert.Equal(1, exit);
        Assert.Contains(says, error, StringComparison.Ordinal);
        Assert.Equal(error.Length - 1, error.IndexOf('\n', StringComparison.Ordinal));
    }

    private Task<string> ReadAsync(string name) => File.ReadAllTextAsync(Path.Combine(root, name), TestContext.Current.CancellationToken);

    private static async Task<(int Exit, string Error)> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(TestCore.Executable, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("AWS_", StringComparison.Ordinal)).ToList())
            start.Environment.Remove(name);
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await error);
    }
}
