using System.Text.Json.Nodes;
using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

public sealed class RotationDriverTests
{
    [Fact]
    public async Task A_queued_job_gets_a_new_key_and_certificate_and_the_old_ones_are_removed_after_success()
    {
        await using var rig = new DeviceRig();
        var old = rig.CertificateId;
        rig.Backend.Queue("job-1");
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.NotEqual(old, rig.CertificateId);
        Assert.True(rig.HoldsMatchingPair);
        Assert.Equal(rig.CertificateId, rig.Backend.Committed);
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal("true", rig.Backend.Job["statusDetails"]!["CertificateRotator"]!.GetValue<string>());
        Assert.Equal("r-1", rig.Backend.Job["statusDetails"]!["rotationId"]!.GetValue<string>());
        Assert.Equal(["gen-2"], rig.Generations);
        Assert.Equal(1, rig.Restarts);
    }

    [Fact]
    public async Task The_job_is_in_progress_before_a_certificate_is_asked_for()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (topic, _) => topic.EndsWith("/update", StringComparison.Ordinal);
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Backend.SentTo("job-1/update").Count() >= 3, TimeSpan.FromSeconds(1));
        Assert.DoesNotContain(rig.Backend.SentTo("/create"), m => m.ContainsKey("csr"));

        rig.Backend.Loses = (_, _) => false;
        await rig.UntilRestAsync();
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task A_refused_request_fails_the_job_with_the_reason_and_leaves_the_credential_alone()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (topic, m) => topic.EndsWith("/create", StringComparison.Ordinal) && m.ContainsKey("csr")
            ? ("/rejected", new JsonObject { ["errorMsg"] = "The thing holds a certificate that the ledger does not know.", ["code"] = "UNKNOWN_CERTIFICATE" })
            : null;
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.Equal("FAILED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Contains("UNKNOWN_CERTIFICATE", rig.Backend.Job["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Equal(rig.OldKey, await File.ReadAllTextAsync(rig.KeyPath));
        Assert.Equal(rig.OldCertificate, await File.ReadAllTextAsync(rig.CertificatePath));
        Assert.Equal(["gen-1"], rig.Generations);
        Assert.Equal(0, rig.Restarts);
    }

    [Fact]
    public async Task Another_operation_is_never_touched()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1", operation: "REBOOT");
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Any());
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Count() >= 2);

        Assert.Empty(rig.Backend.SentTo("/update"));
        Assert.Equal("QUEUED", rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task Answers_without_our_token_on_the_job_topics_are_ignored()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Loses = (_, _) => true;
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Any());

        var foreign = new JsonObject
        {
            ["clientToken"] = "another-component",
            ["execution"] = new JsonObject
            {
                ["jobId"] = "job-1", ["status"] = "QUEUED", ["queuedAt"] = 1, ["versionNumber"] = 1, ["executionNumber"] = 1,
                ["jobDocument"] = new JsonObject { ["operation"] = "ROTATE_CERTIFICATE" },
            },
        };
        rig.Backend.Send("$aws/things/pump1/jobs/$next/get/accepted", foreign);
        foreign.Remove("clientToken");
        rig.Backend.Send("$aws/things/pump1/jobs/$next/get/accepted", foreign);
        await rig.UntilAsync(() => rig.Backend.SentTo("$next/get").Count() >= 3, TimeSpan.FromSeconds(1));

        Assert.IsType<RotationState.Idle>(rig.Driver.State);
    }

    [Fact]
    public async Task A_certificate_for_another_key_is_ignored_and_the_right_one_still_taken()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        var first = true;
        rig.Backend.Override = (topic, m) =>
        {
            if (!topic.EndsWith("/create", StringComparison.Ordinal) || !m.ContainsKey("csr") || !first)
                return null;
            first = false;
            return ("/accepted", new JsonObject { ["certificatePem"] = rig.OldCertificate });
        };
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(2));

        Assert.False(first);
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.True(rig.HoldsMatchingPair);
    }

    [Fact]
    public async Task Every_message_may_be_lost_twice()
    {
        await using var rig = new DeviceRig();
        var lost = new Dictionary<string, int>();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (topic, m) =>
        {
            var key = topic + m["status"] + m.ContainsKey("csr");
            lost[key] = lost.GetValueOrDefault(key) + 1;
            return lost[key] <= 2;
        };
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(2));

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.True(rig.Backend.Reopened > 0);
    }

    [Fact]
    public async Task An_update_whose_answer_was_lost_is_recognised_as_our_own()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        var swallowed = new HashSet<string>();
        rig.Backend.Override = (topic, m) =>
        {
            if (!topic.EndsWith("/update", StringComparison.Ordinal) || !swallowed.Add(m["status"]!.GetValue<string>()))
                return null;
            rig.Backend.Job!["status"] = m["status"]!.GetValue<string>();
            rig.Backend.Job["statusDetails"] = m["statusDetails"]!.DeepClone();
            rig.Backend.Job["versionNumber"] = rig.Backend.Job["versionNumber"]!.GetValue<int>() + 1;
            return ("/elsewhere", new JsonObject());
        };
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(1));

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(["gen-2"], rig.Generations);
    }

    [Fact]
    public async Task A_device_of_the_reference_backend_rotates_and_keeps_asking_slowly()
    {
        await using var rig = new DeviceRig(new FakeBackend { IsReference = true });
        rig.Backend.Queue("job-1");
        var sentAt = new List<DateTimeOffset>();
        rig.Backend.Loses = (topic, m) =>
        {
            if (!m.ContainsKey("csr"))
                return false;
            sentAt.Add(rig.Time.GetUtcNow());
            return sentAt.Count < 3;
        };
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(5));

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.All(sentAt.Zip(sentAt.Skip(1)), pair => Assert.True(pair.Second - pair.First >= TimeSpan.FromSeconds(130)));
    }

    [Fact]
    public async Task A_commit_over_the_wrong_certificate_restarts_the_nucleus_again()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        var refused = false;
        rig.Backend.Override = (topic, _) =>
        {
            if (!topic.EndsWith("/commit", StringComparison.Ordinal) || refused)
                return null;
            refused = true;
            return ("/rejected", new JsonObject { ["errorMsg"] = "Another certificate.", ["code"] = "WRONG_PRINCIPAL" });
        };
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.Equal(2, rig.Restarts);
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
    }

    [Fact]
    public async Task An_unanswered_commit_is_repeated_and_the_old_credential_kept()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (topic, _) => topic.EndsWith("/commit", StringComparison.Ordinal);
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Backend.SentTo("/commit").Count() >= 4, TimeSpan.FromSeconds(10));
        Assert.Equal(["gen-1", "gen-2"], rig.Generations);
        Assert.Equal("IN_PROGRESS", rig.Backend.Job!["status"]!.GetValue<string>());

        rig.Backend.Loses = (_, _) => false;
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(10));
        Assert.Equal(["gen-2"], rig.Generations);
    }

    [Fact]
    public async Task A_nucleus_that_can_not_be_restarted_goes_back_to_the_old_credential()
    {
        await using var rig = new DeviceRig { RestartOutcome = () => "not permitted" };
        var old = rig.CertificateId;
        rig.Backend.Queue("job-1");
        rig.StartNucleus();

        await rig.UntilAsync(() => rig.Driver.State is RotationState.Aborting { Stage: AbortStage.Return }, TimeSpan.FromSeconds(30));
        Assert.Equal(old, rig.CertificateId);

        rig.RestartOutcome = () => null;
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Idle { LastOutcome: not null }, TimeSpan.FromSeconds(10));
        Assert.Equal("FAILED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(old, rig.CertificateId);
        Assert.True(rig.HoldsMatchingPair);
    }

    [Fact]
    public async Task A_job_that_is_canceled_while_waiting_for_the_certificate_ends_the_rotation()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (_, m) => m.ContainsKey("csr");
        rig.StartNucleus();
        await rig.UntilAsync(() => rig.Driver.State is RotationState.Keyed);

        rig.Backend.Job!["status"] = "CANCELED";
        rig.Backend.Notify();
        await rig.UntilRestAsync();

        Assert.Contains("the job was ended", ((RotationState.Idle)rig.Driver.State).LastOutcome, StringComparison.Ordinal);
        Assert.Equal(rig.OldKey, await File.ReadAllTextAsync(rig.KeyPath));
        Assert.Equal(["gen-1"], rig.Generations);
    }

    [Theory]
    [InlineData("/create")]
    [InlineData("/commit")]
    public async Task A_job_that_is_canceled_at_any_message_leaves_the_device_ready_for_the_next(string message)
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (topic, m) =>
        {
            if (topic.EndsWith(message, StringComparison.Ordinal) && !m.ContainsKey("attest") && rig.Backend.Job!["jobId"]!.GetValue<string>() == "job-1")
            {
                rig.Backend.Job["status"] = "CANCELED";
                rig.Backend.Job["versionNumber"] = rig.Backend.Job["versionNumber"]!.GetValue<int>() + 1;
            }
            return null;
        };
        rig.StartNucleus();
        await rig.UntilRestAsync();
        Assert.Equal("CANCELED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.True(rig.HoldsMatchingPair);

        rig.Backend.Queue("job-2");
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "SUCCEEDED" && rig.Driver.State is RotationState.Idle);
        Assert.True(rig.HoldsMatchingPair);
    }

    [Fact]
    public async Task A_rotation_frozen_after_the_switch_goes_back_to_the_old_credential_and_fails()
    {
        await using var rig = new DeviceRig { Probe = new BothAccepted() };
        var old = rig.CertificateId;
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (topic, _) => topic.EndsWith("/commit", StringComparison.Ordinal)
            ? ("/rejected", new JsonObject { ["errorMsg"] = "Two keys in one rotation.", ["code"] = "ROTATION_FROZEN" })
            : null;
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.Equal(old, rig.CertificateId);
        Assert.True(rig.HoldsMatchingPair);
        Assert.Equal("FAILED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Contains("ROTATION_FROZEN", rig.Backend.Job["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private sealed class BothAccepted : ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, "accepted"));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Accepted, ProbeResult.Accepted));
    }

    [Fact]
    public async Task A_second_rotation_follows_the_first()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.StartNucleus();
        await rig.UntilRestAsync();
        var first = rig.CertificateId;

        rig.Backend.Queue("job-2");
        rig.Backend.Notify();
        await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "SUCCEEDED" && rig.Driver.State is RotationState.Idle);

        Assert.NotEqual(first, rig.CertificateId);
        Assert.True(rig.HoldsMatchingPair);
        await rig.UntilAsync(() => rig.Generations is ["gen-3"]);
    }

    [Fact]
    public async Task No_line_of_the_log_holds_a_key_or_a_request()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.StartNucleus();
        await rig.UntilRestAsync();

        Assert.DoesNotContain("PRIVATE KEY", rig.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("CERTIFICATE REQUEST", rig.Log, StringComparison.Ordinal);
        Assert.DoesNotContain(rig.OldKey.Split('\n')[1], rig.Log, StringComparison.Ordinal);
        Assert.All(rig.Log.TrimEnd().Split('\n'), line => Assert.Contains("thing=pump1 job=", line, StringComparison.Ordinal));
    }
}
