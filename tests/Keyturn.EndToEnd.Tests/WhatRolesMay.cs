using System.Text.Json;
using System.Text.Json.Nodes;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Keyturn.Backend.Aws;
using Keyturn.EndToEnd.Tests.Attacks;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// Least privilege, from both sides: a role may do all that its function needs, or these flows would fail; and it needs each action, since the cloud
/// counts one as used only when a call was allowed that would have been refused without it.
/// </summary>
public sealed class WhatRolesMay
{
    private const string Prefix = "AWSLabsCertificateRotator";

    private static readonly string[] Functions =
    [
        Prefix + "CreateCertificate", Prefix + "CommitCertificate", Prefix + "JobExecutionTerminal", Prefix + "ReconcileCertificate", Prefix + "EnableJobEvents",
    ];

    [Fact]
    public async Task Each_action_that_the_template_allows_a_role_is_one_that_something_needs()
    {
        await using var cloud = new AttackedCloud
        {
            CloudOptions = ["--private-ca", "ec256", "--parameter", "PcaCaArn={private-ca}", "--parameter", "PcaSigningAlgorithm=SHA256WITHECDSA", "--retry-delay", "20"],
        };
        await cloud.InitializeAsync();

        await RotateAsync(cloud);
        await LeaveOpenAsync(cloud);
        await AttachAnotherAsync(cloud);
        await ChangeAsync(cloud, Functions[0], variables => variables["PCA_CA_ARN"] = "");
        var decisions = new WhoMayDecide(cloud);
        await decisions.With_the_old_key_alone_nobody_moves_a_rotation_that_only_issued();
        await decisions.What_was_said_in_an_old_job_does_nothing_in_the_next();
        await decisions.Canceling_at_any_message_deletes_nothing_and_the_next_job_rotates("issued", 1);
        await decisions.A_thief_who_asks_too_freezes_the_rotation_whoever_is_first(thiefFirst: true);
        await new TheSweep(cloud).Ends_finishes_and_retires_what_was_left_and_tells_of_a_silent_device();
        await LoseRuleAsync(cloud);
        await FailAsync(cloud);

        var unused = await LocalFleet.EventuallyAsync(() => UnusedAsync(cloud), unused => unused.Length == 0);
        Assert.True(unused.Length == 0, "allowed, and needed by nothing: " + unused);
    }

    /// <summary>The other side, once: a role without one of its actions.</summary>
    [Fact]
    public async Task Without_one_of_its_actions_a_function_fails()
    {
        var template = JsonNode.Parse(await File.ReadAllTextAsync(Tools.All.Template, TestContext.Current.CancellationToken))!;
        var taken = 0;
        foreach (var statement in template["Resources"]!["ReconcileCertificatePolicy"]!["Properties"]!["PolicyDocument"]!["Statement"]!.AsArray())
        {
            if (statement!["Action"] is JsonArray actions)
                taken += actions.RemoveAll(a => (string)a! == "dynamodb:Query");
        }

        Assert.Equal(1, taken);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, template.ToJsonString(), TestContext.Current.CancellationToken);
        try
        {
            await using var fleet = await LocalFleet.StartWithAsync(file);
            fleet.Expect("dynamodb:Query");
            var answer = fleet.DirectoryOf("answer.json");
            var invoked = await fleet.Aws.JsonAsync("lambda", "invoke", "--function-name", Functions[3], "--payload", "e30=", answer);
            Assert.Equal("Unhandled", invoked.GetProperty("FunctionError").GetString());
            Assert.Contains("is not authorized to perform: dynamodb:Query", await File.ReadAllTextAsync(answer, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>A whole rotation, to a certificate of the private CA with the old one's subject, and committed longer ago than a commit alone is trusted.</summary>
    private static async Task RotateAsync(AttackedCloud cloud)
    {
        var thing = await cloud.AddThingAsync();
        await using var old = await thing.ConnectAsync();
        await thing.BeginAsync(old, "rotate");
        using var key = Credential.NewKey();
        var answer = await old.CreateAsync(thing.Name, "rotate", Credential.CsrOf(key, "AWS IoT Certificate"));
        Assert.True(answer.Accepted, answer.Message.ToJsonString());
        var renewed = new Credential(key, answer.Certificate);
        await using var device = await thing.ConnectAsync(renewed, thing.Name + "#2");
        Assert.True((await device.CommitAsync(thing.Name, "rotate")).Accepted);
        await MakeOlderAsync(cloud, thing.Name);
        await device.UpdateJobAsync(thing.Name, "rotate", "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => await thing.StatusOfAsync(thing.Credential.Id) is null, "the old certificate is gone");
    }

    /// <summary>A device attests an hour after a certificate was issued to it and nothing more was heard: is the job over?</summary>
    private static async Task LeaveOpenAsync(AttackedCloud cloud)
    {
        var thing = await cloud.AddThingAsync();
        await using var device = await thing.ConnectAsync();
        await thing.BeginAsync(device, "left-open");
        using var key = Credential.NewKey();
        Assert.True((await device.CreateAsync(thing.Name, "left-open", thing.Csr(key))).Accepted);
        await MakeOlderAsync(cloud, thing.Name);
        Assert.True((await device.AttestAsync(thing.Name, thing.Credential.Id)).Accepted);
    }

    /// <summary>Beside the certificate in use is another that nobody recorded: is it ACTIVE?</summary>
    private static async Task AttachAnotherAsync(AttackedCloud cloud)
    {
        var thing = await cloud.AddThingAsync();
        using var strange = Credential.NewKey();
        var created = await cloud.Iot.CreateCertificateFromCsrAsync(thing.Csr(strange), setAsActive: true, TestContext.Current.CancellationToken);
        await cloud.Iot.AttachThingPrincipalAsync(thing.Name, created.CertificateArn, "EXCLUSIVE_THING", TestContext.Current.CancellationToken);
        await using var device = await thing.ConnectAsync();
        await thing.BeginAsync(device, "beside");
        using var key = Credential.NewKey();
        Assert.Equal("UNKNOWN_CERTIFICATE", (await device.CreateAsync(thing.Name, "beside", thing.Csr(key))).Code);
    }

    private static async Task MakeOlderAsync(AttackedCloud cloud, string thing)
    {
        using var dynamo = new AmazonDynamoDBClient(
            new BasicAWSCredentials("test", "test"), new AmazonDynamoDBConfig { ServiceURL = cloud.Fleet.Cloud.Api.ToString(), AuthenticationRegion = "us-east-1" });
        var ledger = new DynamoRotationLedger(dynamo, "AWSLabsCertificateRotatorLedger", null, TimeProvider.System);
        var rotation = Assert.Single((await ledger.ReadAsync(thing, TestContext.Current.CancellationToken)).Rotations);
        Assert.NotNull(await ledger.TryUpdateAsync(
            rotation with { Trail = [.. rotation.Trail.Select(t => t with { At = t.At.AddHours(-1) })] }, TestContext.Current.CancellationToken));
    }

    /// <summary>A rule whose function is gone writes its error.</summary>
    private static async Task LoseRuleAsync(AttackedCloud cloud)
    {
        cloud.Fleet.Expect("RuleErrors");
        cloud.Fleet.Expect("there is no function");
        var rule = JsonSerializer.Deserialize<JsonObject>((await cloud.Fleet.Aws.JsonAsync("iot", "get-topic-rule", "--rule-name", Functions[1])).GetProperty("rule"))!;
        foreach (var name in (string[])["ruleName", "createdAt"])
            rule.Remove(name);
        rule["actions"]![0]!["lambda"]!["functionArn"] = "arn:aws:lambda:us-east-1:012345678901:function:gone";
        await cloud.Fleet.Aws.JsonAsync("iot", "replace-topic-rule", "--rule-name", Functions[1], "--topic-rule-payload", rule.ToJsonString());
        var thing = await cloud.AddThingAsync();
        await using var device = await thing.ConnectAsync();
        await device.SendAsync($"awslabs/things/{thing.Name}/certificate/commit", new JsonObject { ["jobId"] = "none" });
    }

    /// <summary>An event that a function never takes ends among the dead letters.</summary>
    private static async Task FailAsync(AttackedCloud cloud)
    {
        foreach (var expected in (string[])["Runtime.ExitError", "failed (attempt", "given up", "no-such-handler"])
            cloud.Fleet.Expect(expected);
        foreach (var function in Functions)
        {
            await cloud.Fleet.Aws.JsonAsync("lambda", "update-function-configuration", "--function-name", function, "--handler", "no-such-handler");
            await cloud.Fleet.Aws.JsonAsync(
                "lambda", "invoke", "--function-name", function, "--invocation-type", "Event", "--payload", "e30=", cloud.Fleet.DirectoryOf("answer.json"));
        }
    }

    private static async Task ChangeAsync(AttackedCloud cloud, string function, Action<JsonNode> change)
    {
        var deployed = await cloud.Fleet.Aws.JsonAsync("lambda", "get-function-configuration", "--function-name", function);
        var environment = JsonSerializer.Deserialize<JsonObject>(deployed.GetProperty("Environment"))!;
        change(environment["Variables"]!);
        await cloud.Fleet.Aws.JsonAsync("lambda", "update-function-configuration", "--function-name", function, "--environment", environment.ToJsonString());
    }

    private static async Task<string> UnusedAsync(AttackedCloud cloud)
    {
        using var http = new HttpClient { BaseAddress = cloud.Fleet.Cloud.Management };
        var roles = JsonNode.Parse(await http.GetStringAsync("/permissions", TestContext.Current.CancellationToken))!.AsObject();
        Assert.Equal(Functions.Length + 1, roles.Count);
        Assert.All(roles, r => Assert.NotEmpty(r.Value!["used"]!.AsArray().Concat(r.Value["unused"]!.AsArray())));
        return string.Join("; ", roles.Where(r => r.Value!["unused"]!.AsArray().Count > 0).Select(r => $"{r.Key}: {r.Value!["unused"]!.ToJsonString()}"));
    }
}
