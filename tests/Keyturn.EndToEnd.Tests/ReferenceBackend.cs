using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>
/// The device against a backend that behaves as the reference's does: no clientToken, no rotationId, no code, one text for every refusal. Everything but
/// the backend is real; its rules are switched off and this test answers in their place.
/// </summary>
public sealed class ReferenceBackend
{
    private const string Certificates = "awslabs/things/gateway-01/certificate/";

    [Fact]
    public async Task Which_knows_none_of_our_fields_still_gets_a_rotation_done()
    {
        using var scratch = new Scratch();
        await using var fleet = await LocalFleet.StartWithAsync(await WithoutRulesAsync(scratch.Combine("template.json")));
        await using var backend = await CloudClient.ConnectAsync(fleet, "backend", Certificates + "#");
        var issued = new List<string>();
        backend.Answer = (topic, payload) => AnswerAsync(fleet, backend, topic, payload, issued);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var before = device.ReadCertificateId();

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.True(execution.GetProperty("status").GetString() == "SUCCEEDED", execution.GetRawText());
        Assert.Equal(Assert.Single(issued), device.ReadCertificateId());
        Assert.NotEqual(before, device.ReadCertificateId());
        // Nothing but its two topics, and never a field that it would take for something else.
        string[] asked = [.. backend.Heard.Select(m => m.Topic).Where(t => !t.EndsWith("ed", StringComparison.Ordinal)).Distinct().Order()];
        Assert.Equal([Certificates + "commit", Certificates + "create"], asked);
        Assert.DoesNotContain(backend.Heard, m => JsonNode.Parse(m.Payload)!["verify"] is not null);
        Assert.Single(backend.Heard, m => m.Topic == Certificates + "create" && JsonNode.Parse(m.Payload)!["csr"] is not null);
        Assert.Single(backend.Heard, m => m.Topic == Certificates + "commit");
    }

    [Fact]
    public async Task Which_refuses_the_commit_has_the_device_go_back_and_fail_its_job()
    {
        using var scratch = new Scratch();
        await using var fleet = await LocalFleet.StartWithAsync(await WithoutRulesAsync(scratch.Combine("template.json")));
        await using var backend = await CloudClient.ConnectAsync(fleet, "backend", Certificates + "#");
        var issued = new List<string>();
        backend.Answer = (topic, payload) => topic == Certificates + "commit"
            ? backend.PublishAsync(topic + "/rejected", new() { ["errorMsg"] = "Pre-conditions not met" })
            : AnswerAsync(fleet, backend, topic, payload, issued);
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var before = device.ReadCertificateId();

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        var execution = await fleet.ExecutionEndAsync("rotate-1", "gateway-01");

        Assert.Equal("FAILED", execution.GetProperty("status").GetString());
        Assert.Contains("the backend refused the commit", execution.GetProperty("statusDetails").GetProperty("detailsMap").GetProperty("reason").GetString(), StringComparison.Ordinal);
        Assert.Equal(before, device.ReadCertificateId());
        Assert.Single(issued);
        // It reported over the old one, which its nucleus had read again.
        await LocalFleet.RotatorSaysAsync(device, "The rotation is over:");
    }

    private static async Task AnswerAsync(LocalFleet fleet, CloudClient backend, string topic, byte[] payload, List<string> issued)
    {
        if (topic is not (Certificates + "create" or Certificates + "commit"))
            return;
        var request = JsonNode.Parse(payload)!;
        if (request["jobId"] is null || (topic == Certificates + "create" && request["csr"] is null))
        {
            await backend.PublishAsync(topic + "/rejected", new() { ["errorMsg"] = "Pre-conditions not met" });
            return;
        }
        if (topic == Certificates + "commit")
        {
            await backend.PublishAsync(topic + "/accepted", []);
            return;
        }
        var file = fleet.DirectoryOf($"{issued.Count}.csr");
        await File.WriteAllTextAsync(file, (string)request["csr"]!);
        var created = await fleet.Aws.JsonAsync("iot", "create-certificate-from-csr", "--certificate-signing-request", "file://" + file, "--set-as-active");
        var arn = created.GetProperty("certificateArn").GetString()!;
        // Debian's CLI can't attach exclusively, as the reference does, and only then does the fleet's own policy let a certificate in beside the nucleus.
        await fleet.Aws.JsonAsync("iot", "attach-policy", "--policy-name", "backend", "--target", arn);
        await fleet.Aws.JsonAsync("iot", "attach-thing-principal", "--thing-name", "gateway-01", "--principal", arn);
        issued.Add(created.GetProperty("certificateId").GetString()!);
        await backend.PublishAsync(topic + "/accepted", new() { ["certificatePem"] = created.GetProperty("certificatePem").GetString() });
    }

    private static async Task<string> WithoutRulesAsync(string file)
    {
        var template = JsonNode.Parse(await File.ReadAllTextAsync(Tools.All.Template, TestContext.Current.CancellationToken))!;
        var rules = template["Resources"]!.AsObject().Select(r => r.Value!).Where(r => (string)r["Type"]! == "AWS::IoT::TopicRule").ToList();
        Assert.NotEmpty(rules);
        foreach (var rule in rules)
            rule["Properties"]!["TopicRulePayload"]!["RuleDisabled"] = true;
        await File.WriteAllTextAsync(file, template.ToJsonString(), TestContext.Current.CancellationToken);
        return file;
    }

    private sealed class Scratch : IDisposable
    {
        private readonly string path = Directory.CreateTempSubdirectory("keyturn-e2e-").FullName;

        public string Combine(string name) => Path.Combine(path, name);

        public void Dispose() => Directory.Delete(path, recursive: true);
    }
}
