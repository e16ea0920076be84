using System.Text.Json.Nodes;
using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>Other components of the device may publish on its topics. What they answer for the backend must move nothing.</summary>
public sealed class ForgedAnswerTests
{
    private const string Create = "awslabs/things/pump1/certificate/create", Commit = "awslabs/things/pump1/certificate/commit";

    [Theory]
    [InlineData(Create, "/rejected", """{"errorMsg":"no","code":"CSR_REFUSED"}""")]
    [InlineData(Commit, "/accepted", """{}""")]
    [InlineData(Commit, "/rejected", """{"errorMsg":"no","code":"WRONG_PRINCIPAL"}""")]
    public async Task An_answer_with_another_s_token_on_the_certificate_topics_is_ignored(string topic, string suffix, string answer)
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (t, m) => t == topic && !m.ContainsKey("attest");
        rig.StartNucleus();
        await rig.UntilAsync(() => Requests(rig, topic).Length >= 1);
        var (state, restarts) = (rig.Driver.State.GetType(), rig.Restarts);

        var forged = JsonNode.Parse(answer)!.AsObject();
        forged["clientToken"] = "another-component";
        rig.Backend.Send(topic + suffix, forged);
        await rig.UntilAsync(() => Requests(rig, topic).Length >= 3, TimeSpan.FromSeconds(10));
        Assert.Equal((state, restarts), (rig.Driver.State.GetType(), rig.Restarts));

        rig.Backend.Loses = (_, _) => false;
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(5));
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_attest_that_another_answered_is_said_again()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Loses = (t, _) => t == Create;
        rig.StartNucleus();
        await rig.UntilAsync(() => Attests(rig) >= 1);
        rig.Backend.Send(Create + "/accepted", new JsonObject { ["clientToken"] = "another-component" });
        await rig.UntilAsync(() => Attests(rig) >= 3, TimeSpan.FromSeconds(5));
        Assert.Equal(new RotationState.Idle(), rig.Driver.State);
    }

    [Theory]
    [InlineData("$aws/things/pump1/jobs/job-2/update/accepted")]
    [InlineData("$aws/things/pump1/jobs/job-1/get/accepted")]
    [InlineData("$aws/things/pump2/jobs/job-1/update/accepted")]
    public async Task Our_own_token_counts_only_on_the_topic_where_it_was_sent(string topic)
    {
        const string update = "$aws/things/pump1/jobs/job-1/update";
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (t, _) => t == update;
        rig.StartNucleus();
        await rig.UntilAsync(() => Requests(rig, update).Length >= 1);

        var told = Requests(rig, update)[^1]["clientToken"]!.GetValue<string>();
        rig.Backend.Send(topic, new JsonObject { ["clientToken"] = told, ["executionState"] = new JsonObject { ["status"] = "IN_PROGRESS", ["versionNumber"] = 2 } });
        await rig.UntilAsync(() => Requests(rig, update).Length >= 3, TimeSpan.FromSeconds(1));
        Assert.IsType<RotationState.Starting>(rig.Driver.State);
    }

    /// <summary>Whoever wrote it: the journal has to hold it.</summary>
    [Theory]
    [InlineData(Create)]
    [InlineData(Commit)]
    public async Task A_refusal_as_long_as_a_message_can_be_ends_the_rotation_and_no_other(string topic)
    {
        await using var rig = new DeviceRig { Probe = new BothAccepted() };
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (t, m) => t == topic && !m.ContainsKey("attest")
            ? ("/rejected", new JsonObject { ["errorMsg"] = new string('<', 20_000), ["code"] = topic == Create ? "CSR_REFUSED" : "CLOSED_OLD" })
            : null;
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(5));
        Assert.Equal("FAILED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(rig.OldCertificate, File.ReadAllText(rig.CertificatePath));

        rig.Backend.Override = null;
        rig.Backend.Queue("job-2");
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "SUCCEEDED", TimeSpan.FromSeconds(5));
    }

    private static JsonObject[] Requests(DeviceRig rig, string topic) => [.. Sent(rig).Where(s => s.Topic == topic && !s.Payload.ContainsKey("attest")).Select(s => s.Payload)];

    private static int Attests(DeviceRig rig) => Sent(rig).Count(s => s.Payload.ContainsKey("attest"));

    private sealed class BothAccepted : ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Accepted, ProbeResult.Accepted));
    }

    /// <summary>The driver sends on another thread.</summary>
    private static (string Topic, JsonObject Payload)[] Sent(DeviceRig rig)
    {
        lock (rig.Backend.Sent)
            return [.. rig.Backend.Sent];
    }
}
