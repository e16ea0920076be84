using System.Text.Json.Nodes;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>How the component behaves towards the Jobs service and the backend when they do not.</summary>
public sealed class MannersTests
{
    [Fact]
    public async Task A_request_that_nobody_answers_ends_before_the_job_does_and_leaves_the_old_credential()
    {
        await using var rig = new DeviceRig();
        var before = rig.CertificateId;
        rig.Backend.Queue("job-1");
        var start = rig.Time.GetTimestamp();
        rig.Backend.Loses = (topic, m) =>
        {
            // The service starts its clock when the job is in progress, and tells how much is left to who asks.
            rig.Backend.Job!["approximateSecondsBeforeTimedOut"] = Math.Max(0, 3600 - (int)rig.Time.GetElapsedTime(start).TotalSeconds);
            return topic.EndsWith("/create", StringComparison.Ordinal) && m.ContainsKey("csr");
        };
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(20));

        Assert.Equal("FAILED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Contains("too little of the job's time", rig.Backend.Job["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        // Not before: the job's time less the reserve.
        Assert.True(rig.Time.GetElapsedTime(start) > TimeSpan.FromSeconds(3300));
        Assert.Equal((before, true, 0), (rig.CertificateId, rig.HoldsMatchingPair, rig.Restarts));
        // With a pause that grows and ends growing.
        Assert.InRange(rig.Backend.SentTo("/create").Count(m => m.ContainsKey("csr")), 3, 20);
    }

    [Fact]
    public async Task A_job_that_vanishes_without_a_word_is_noticed()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (topic, m) => topic.EndsWith("/create", StringComparison.Ordinal) && m.ContainsKey("csr");
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Keyed);
        rig.Backend.Job!["status"] = "TIMED_OUT";
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(5));
        Assert.Single(rig.Generations);
    }

    [Fact]
    public async Task A_commit_that_nobody_answers_keeps_the_new_credential_and_goes_on_saying_why_it_waits()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (topic, _) => topic.EndsWith("/commit", StringComparison.Ordinal);
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.SentTo("/commit").Count() > 12, TimeSpan.FromSeconds(20));

        Assert.IsType<RotationState.Committing>(rig.Driver.State);
        Assert.Equal("IN_PROGRESS", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Contains("asking for the old one to be retired", rig.Backend.Job["statusDetails"]!["step"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Contains("Commit not answered yet", rig.Log, StringComparison.Ordinal);
        Assert.True(rig.HoldsMatchingPair);
        Assert.Equal(2, rig.Generations.Length);

        rig.Backend.Loses = (_, _) => false;
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(20));
        Assert.Equal("SUCCEEDED", rig.Backend.Job["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_new_certificate_that_the_cloud_refuses_after_the_restart_is_taken_back_on_evidence()
    {
        await using var rig = new DeviceRig { Probe = new OnlyOldProbe() };
        var before = rig.CertificateId;
        rig.Backend.Queue("job-1");
        // Over the new certificate there is no connection at all.
        rig.Backend.Loses = (_, _) => rig.CertificateId != before && rig.Restarts > 0;
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "FAILED", TimeSpan.FromSeconds(5));

        Assert.Equal(before, rig.CertificateId);
        Assert.Equal(2, rig.Restarts);
        Assert.Contains("the cloud accepts the old certificate and not the new one", rig.Backend.Job!["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_rotation_job_waits_untouched_until_the_first_is_over()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        var held = true;
        rig.Backend.Loses = (topic, m) => held && topic.EndsWith("/create", StringComparison.Ordinal) && m.ContainsKey("csr");
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Keyed);
        // Jobs hands out one at a time; the notification that the queue has changed comes all the same.
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.SentTo("job-1/get").Any());
        Assert.DoesNotContain(rig.Backend.Sent, s => s.Topic.Contains("job-2", StringComparison.Ordinal));
        held = false;
        await rig.UntilRestAsync();
        rig.Backend.Queue("job-2");
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "SUCCEEDED");
        Assert.Equal("job-2", rig.Backend.Job!["jobId"]!.GetValue<string>());
    }

    [Fact]
    public async Task The_queue_is_asked_for_at_the_start_and_whenever_the_channel_is_opened_again()
    {
        await using var rig = new DeviceRig();
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Count() == 1);
        rig.Driver.ChannelOpened();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Count() == 2);
        var tokens = rig.Backend.Sent.Select(s => s.Payload["clientToken"]!.GetValue<string>()).ToList();
        Assert.Equal(tokens.Distinct(), tokens);
    }

    [Fact]
    public async Task Every_update_names_the_execution_and_the_version_it_expects()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1", number: 3);
        rig.StartNucleus();
        await rig.UntilRestAsync();
        Assert.All(rig.Backend.SentTo("job-1/update"), u =>
        {
            Assert.Equal(3, u["executionNumber"]!.GetValue<long>());
            Assert.NotNull(u["expectedVersion"]);
            Assert.All(u["statusDetails"]!.AsObject(), d => Assert.Matches("^[ -~]+$", d.Value!.GetValue<string>()));
        });
    }

    [Theory]
    [InlineData(JobRefusalCode.TerminalStateReached)]
    [InlineData(JobRefusalCode.ResourceNotFound)]
    [InlineData(JobRefusalCode.InvalidStateTransition)]
    public async Task A_job_that_can_not_be_taken_is_let_go_of_with_nothing_made(string code)
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (topic, m) =>
        {
            if (!topic.EndsWith("job-1/update", StringComparison.Ordinal))
                return null;
            rig.Backend.Job = null;
            return ("/rejected", new JsonObject { ["code"] = code, ["message"] = "no" });
        };
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Count() > 1);
        Assert.IsType<RotationState.Idle>(rig.Driver.State);
        Assert.DoesNotContain(rig.Backend.SentTo("/create"), m => m.ContainsKey("csr"));
    }

    /// <summary>Passes the new certificate before the switch, and finds only the old one accepted afterwards.</summary>
    private sealed class OnlyOldProbe : Cloud.ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted));
    }
}
