using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>What the operator reads while a rotation is under way.</summary>
public sealed class StepTests
{
    private static readonly string[] Story =
    [
        "making a key and asking for its certificate",
        "the certificate is stored; trying it on a connection of its own",
        "switching to the new certificate and restarting Greengrass",
        "connected with the new certificate; asking for the old one to be retired",
        "the new certificate is in use",
    ];

    [Fact]
    public async Task The_job_tells_each_chapter_once_and_every_update_sends_all_details()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Probe = new UnhurriedProbe(rig.Time);
        rig.StartNucleus();
        await rig.UntilRestAsync();

        var updates = rig.Backend.SentTo("job-1/update").ToArray();
        Assert.Equal(Story, updates.Select(Step));
        Assert.All(updates, u => Assert.Equal("true", u["statusDetails"]!["CertificateRotator"]!.GetValue<string>()));
        Assert.All(updates.Skip(1), u => Assert.Equal("r-1", u["statusDetails"]!["rotationId"]!.GetValue<string>()));
        Assert.All(updates.Skip(1), u => Assert.Equal(rig.CertificateId, u["statusDetails"]!["certificateId"]!.GetValue<string>()));
        Assert.Equal([1, 2, 3, 4, 5], updates.Select(u => u["expectedVersion"]!.GetValue<int>()));
    }

    [Fact]
    public async Task What_a_rotation_is_made_with_is_read_before_its_job_is_taken()
    {
        await using var rig = new DeviceRig();
        var (read, told) = (0, -1);
        rig.CatchUp = async () =>
        {
            read++;
            told = rig.Backend.SentTo("job-1/update").Count();
            await Task.Yield();
            rig.Options = KeyOptions.Default;
        };
        rig.Backend.Queue("job-1");
        rig.StartNucleus();
        await rig.UntilRestAsync();

        Assert.Equal((1, 0), (read, told));
        using var certificate = X509Certificate2.CreateFromPem(await File.ReadAllTextAsync(rig.CertificatePath, TestContext.Current.CancellationToken));
        using var key = certificate.GetRSAPublicKey();
        Assert.Equal(2048, key?.KeySize);
    }

    [Fact]
    public async Task Steps_that_never_arrive_change_nothing()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Loses = (_, m) => IsStep(m);
        rig.StartNucleus();
        await rig.UntilRestAsync();

        Assert.Equal(["IN_PROGRESS", "SUCCEEDED"], rig.Backend.SentTo("job-1/update").Where(m => !IsStep(m)).Select(m => m["status"]!.GetValue<string>()));
        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(3, rig.Backend.SentTo("job-1/update").Count(IsStep));
    }

    [Fact]
    public async Task Steps_whose_answers_are_lost_are_recognised_as_ones_own_writes()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        var shown = new List<string>();
        rig.Backend.LosesAnswer = (_, m) =>
        {
            if (IsStep(m) && rig.Backend.Job!["versionNumber"]!.GetValue<int>() == m["expectedVersion"]!.GetValue<int>())
            {
                shown.Add(Step(m));
                return true;
            }
            return false;
        };
        rig.StartNucleus();
        await rig.UntilRestAsync();

        Assert.Equal((Story[1], Story[3]), (shown[0], shown[^1]));
        Assert.Equal(("SUCCEEDED", Story[4]), (rig.Backend.Job!["status"]!.GetValue<string>(), rig.Backend.Job["statusDetails"]!["step"]!.GetValue<string>()));
        Assert.Equal(1 + 1 + shown.Count + 1, rig.Backend.Job["versionNumber"]!.GetValue<int>());
    }

    [Fact]
    public async Task A_refused_step_is_left_at_that()
    {
        await using var rig = new DeviceRig();
        rig.Backend.Queue("job-1");
        rig.Backend.Override = (topic, m) => topic.EndsWith("/update", StringComparison.Ordinal) && IsStep(m)
            ? ("/rejected", new JsonObject { ["code"] = "RequestThrottled", ["message"] = "slower" })
            : null;
        rig.StartNucleus();
        await rig.UntilRestAsync();

        Assert.Equal("SUCCEEDED", rig.Backend.Job!["status"]!.GetValue<string>());
        Assert.Equal(3, rig.Backend.SentTo("job-1/update").Count(IsStep));
    }

    [Fact]
    public void A_late_answer_to_a_step_is_never_taken_for_the_answer_to_success()
    {
        var state = new RotationState.Committed(new("job-1", 1, 100, 4, "gen-1", "gen-2", "r-1", "abc"));
        var step = RotationMachine.Next(state, new RotationEvent.StepNoted(5, IsShown: true));
        Assert.Equal(state, step.State);
        Assert.Empty(step.Effects);
    }

    [Fact]
    public void Success_is_said_again_at_once_with_the_version_that_a_lost_step_left()
    {
        var state = new RotationState.Committed(new("job-1", 1, 100, 4, "gen-1", "gen-2", "r-1", "abc"));
        var step = RotationMachine.Next(state, new RotationEvent.UpdateRefused(JobRefusalCode.VersionMismatch, new JobExecutionState(JobStatus.InProgress, 5, IsMarked: true)));
        var again = Assert.IsType<RotationEffect.Ask>(Assert.Single(step.Effects));
        Assert.False(again.AfterPause);
        Assert.Equal(5, Assert.IsType<CloudRequest.UpdateJob>(again.Request).ExpectedVersion);
    }

    private static bool IsStep(JsonObject message) =>
        message["status"]?.GetValue<string>() == "IN_PROGRESS" && message["statusDetails"]!["step"]!.GetValue<string>() != Story[0];

    private static string Step(JsonObject message) => message["statusDetails"]!["step"]!.GetValue<string>();

    /// <summary>A connection takes a second, as in the field; then it says what <see cref="NoProbe"/> says.</summary>
    private sealed class UnhurriedProbe(TimeProvider time) : ICredentialProbe
    {
        private readonly NoProbe _probe = new();

        public async Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), time, cancellation);
            return await _probe.PreflightAsync(rotation, cancellation);
        }

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) => _probe.CompareAsync(old, @new, cancellation);
    }
}
