using System.Text;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Backend.Tests;

/// <summary>What comes seldom and must be right all the same.</summary>
public sealed class SeldomTests
{
    private readonly Cloud _cloud = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_malformed_commit_is_refused_by_code_and_nothing_changes()
    {
        await _cloud.CreateAsync();
        var request = DeviceRequest.ParseCommit(Encoding.UTF8.GetBytes(
            """{"jobId":7,"clientToken":"t","thingName":"pump1","topic":"awslabs/things/pump1/certificate/commit","clientId":"pump1","principal":"p"}"""));
        var outcome = await new CommitCertificate(_cloud.Ledger, _cloud, _cloud.Clock, NullLogger.Instance).HandleAsync(request, Cancellation);
        Assert.Equal(RefusalCode.MalformedRequest, outcome.Code);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_malformed_attest_is_refused_by_code()
    {
        var request = DeviceRequest.ParseAttest(Encoding.UTF8.GetBytes(
            """{"attest":"yes","clientToken":"t","thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"pump1","principal":"p"}"""))!;
        var outcome = await new ReconcileCertificate(_cloud.Registry, _cloud, _cloud.Ledger, _cloud, _cloud, _cloud.Clock, NullLogger.Instance)
            .HandleAsync(request, Cancellation);
        Assert.Equal(RefusalCode.MalformedRequest, outcome.Code);
        Assert.Equal("t", Assert.Single(_cloud.Published).Payload.GetProperty("clientToken").GetString());
    }

    /// <summary>The answer to a message that nobody could read is lost on its way, once.</summary>
    [Theory]
    [InlineData("create")]
    [InlineData("commit")]
    public async Task Whoever_could_not_be_answered_is_asked_to_try_again(string topic)
    {
        var json = Encoding.UTF8.GetBytes(
            $$"""{"jobId":7,"clientToken":"t","thingName":"pump1","topic":"awslabs/things/pump1/certificate/{{topic}}","clientId":"pump1","principal":"p"}""");
        var failures = 0;
        _cloud.Faults.FailWith = name => name == "data.Publish" && failures++ == 0 ? new DependencyException("iot-data", "Publish", "c", "m") : null;
        var outcome = topic == "create"
            ? await _cloud.HandleAsync(DeviceRequest.ParseCreate(json))
            : await new CommitCertificate(_cloud.Ledger, _cloud, _cloud.Clock, NullLogger.Instance).HandleAsync(DeviceRequest.ParseCommit(json), Cancellation);
        Assert.Equal(RefusalCode.TryAgain, outcome.Code);
        Assert.Equal("t", Assert.Single(_cloud.Published).Payload.GetProperty("clientToken").GetString());
    }

    [Fact]
    public async Task What_a_device_of_the_reference_s_kind_left_goes_in_the_sweep_once_it_committed_to_a_later_one()
    {
        await _cloud.CreateAsync(token: null);
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, token: null, jobId: "rotate-2");
        var second = _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];
        await _cloud.CommitAsync(principal: second.Certificate.Id, token: null, jobId: "rotate-2");

        // Dies once the rotation is closed, before anything is removed.
        _cloud.Faults.Reset();
        _cloud.Faults.FailWith = name =>
        {
            _cloud.Faults.KillAt = name == "ledger.TryUpdate" ? _cloud.Faults.Calls.Count - 1 : null;
            _cloud.Faults.AfterEffect = true;
            return null;
        };
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2", "event-2"));
        _cloud.Faults.Reset();
        Assert.Equal(3, _cloud.Registry.ActiveOf(Cloud.Thing).Count());

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        await _cloud.SweepAsync();
        Assert.Equal([second], _cloud.Registry.Certificates.Values);
        Assert.All(_cloud.Ledger.Rotations, r => Assert.False(r.IsOpen));
    }

    [Fact]
    public async Task A_device_silent_after_its_commit_is_told_of_with_its_new_certificate()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Notices.Clear();
        _cloud.Clock.Advance(TimeSpan.FromHours(73));
        await _cloud.SweepAsync();
        var notice = Assert.Single(_cloud.Notices);
        Assert.Equal(("DEVICE_SILENT", _cloud.New.Certificate.Id), (notice.Code, notice.InUse));
    }

    [Fact]
    public async Task When_neither_recording_nor_undoing_works_the_sweep_finds_the_certificate()
    {
        var cloud = new Cloud(signs: true);
        var created = false;
        cloud.Faults.FailWith = name =>
        {
            created |= name == "iot.CreateCertificate";
            return created && name.StartsWith("ledger.", StringComparison.Ordinal) ? new DependencyException("dynamodb", "o", "c", "m") : null;
        };
        Assert.Equal(RefusalCode.TryAgain, (await cloud.CreateAsync()).Code);
        cloud.Faults.FailWith = null;
        Assert.Equal(2, cloud.Registry.Certificates.Count);
        await cloud.CloseAsync("TIMED_OUT");
        cloud.Clock.Advance(TimeSpan.FromHours(1));
        await cloud.SweepAsync();
        Assert.Equal([cloud.Old], cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_frozen_rotation_gives_way_to_a_later_job_only()
    {
        await _cloud.CreateAsync();
        await _cloud.CreateAsync(key: 1);
        _cloud.AddJob("rotate-2");
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 2, jobId: "rotate-2")).Code);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(2));
        _cloud.AddJob("rotate-3");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 3, jobId: "rotate-3"));
    }
}
