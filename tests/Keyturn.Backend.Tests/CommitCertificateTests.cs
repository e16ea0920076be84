using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class CommitCertificateTests
{
    private readonly Cloud _cloud = new();

    [Fact]
    public async Task The_new_certificate_commits_and_the_ledger_s_record_is_all_it_takes()
    {
        await _cloud.CreateAsync();
        _cloud.Faults.Reset();
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(rotationId: _cloud.Rotation.RotationId));
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.Equal(_cloud.New.Certificate.Id, _cloud.Rotation.Trail[^1].Principal);
        Assert.Equal(["ledger.Read", "ledger.TryUpdate", "data.Publish"], _cloud.Faults.Calls);

        var (topic, answer) = _cloud.Published[^1];
        Assert.Equal($"awslabs/things/{Cloud.Thing}/certificate/commit/accepted", topic);
        Assert.Equal("token-2", answer.GetProperty("clientToken").GetString());
        Assert.Equal(_cloud.Rotation.RotationId, answer.GetProperty("rotationId").GetString());
    }

    [Fact]
    public async Task It_may_say_so_again_at_any_time()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var version = _cloud.Rotation.Version;
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync());
        Assert.Equal(version, _cloud.Rotation.Version);
        await _cloud.CloseAsync(JobExecution.Succeeded);
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync());
    }

    [Fact]
    public async Task The_job_s_status_does_not_matter()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync());
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
    }

    [Fact]
    public async Task The_old_certificate_is_told_to_restart()
    {
        await _cloud.CreateAsync();
        var outcome = await _cloud.CommitAsync(principal: _cloud.Old.Certificate.Id, token: null);
        Assert.Equal(new Outcome(OutcomeKind.Refused, RefusalCode.WrongPrincipal), outcome);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task Any_other_certificate_commits_nothing()
    {
        await _cloud.CreateAsync();
        var rogue = _cloud.Registry.Add("pump10").Certificate.Id;
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CommitAsync(principal: rogue)).Code);
        Assert.Equal(OutcomeKind.Silent, (await _cloud.CommitAsync(principal: rogue, token: null)).Kind);
        Assert.Equal(RefusalCode.WrongClientId, (await _cloud.CommitAsync(clientId: "pump10")).Code);
        Assert.Equal(RefusalCode.WrongClientId, (await _cloud.CommitAsync(clientId: "pump1#preflight")).Code);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_rotation_that_never_was_is_unknown()
    {
        await _cloud.CreateAsync();
        Assert.Equal(RefusalCode.UnknownRotation, (await _cloud.CommitAsync(jobId: "rotate-2")).Code);
        Assert.Equal(RefusalCode.UnknownRotation, (await _cloud.CommitAsync(rotationId: new string('0', 32))).Code);
        Assert.Equal(RefusalCode.UnknownRotation, (await _cloud.CommitAsync(jobId: "rotate-2", rotationId: _cloud.Rotation.RotationId)).Code);
    }

    [Fact]
    public async Task A_rotation_that_ended_in_favour_of_the_old_certificate_is_refused_for_good()
    {
        await _cloud.CreateAsync();
        var lost = _cloud.New.Certificate.Id;
        await _cloud.CloseAsync("FAILED");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        await _cloud.CreateAsync(key: 1, jobId: "rotate-2");
        Assert.Equal(RefusalCode.ClosedInFavourOfOld, (await _cloud.CommitAsync(principal: lost)).Code);
        Assert.Equal(RefusalCode.ClosedInFavourOfOld, (await _cloud.CommitAsync(principal: _cloud.Old.Certificate.Id)).Code);
    }

    [Fact]
    public async Task A_preflight_verifies_without_deciding_anything()
    {
        await _cloud.CreateAsync();
        var rotationId = _cloud.Rotation.RotationId;
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(clientId: "pump1#preflight", rotationId: rotationId, verify: true));
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        Assert.Equal(1, _cloud.Rotation.Trail.Count(t => t.State == RotationState.Issued));
        Assert.Equal(
            RefusalCode.WrongPrincipal,
            (await _cloud.CommitAsync(principal: _cloud.Old.Certificate.Id, clientId: "pump1#preflight", rotationId: rotationId, verify: true)).Code);
        Assert.Equal(RefusalCode.MalformedRequest, (await _cloud.CommitAsync(clientId: "pump1#preflight", verify: true)).Code);
    }

    [Fact]
    public async Task A_verify_passes_as_long_as_a_commit_would()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        Assert.Equal(Outcome.Accepted, await VerifyAsync());
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        await _cloud.CommitAsync();
        Assert.Equal(Outcome.Accepted, await VerifyAsync());
        _cloud.Clock.Advance(TimeSpan.FromMinutes(20));
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        Assert.Equal(Outcome.Accepted, await VerifyAsync());
    }

    [Fact]
    public async Task A_verify_in_a_rotation_that_ended_in_favour_of_the_old_certificate_says_so()
    {
        await _cloud.CreateAsync();
        await _cloud.CloseAsync("TIMED_OUT");
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        Assert.Equal(RefusalCode.ClosedInFavourOfOld, (await VerifyAsync()).Code);
    }

    private Task<Outcome> VerifyAsync() => _cloud.CommitAsync(clientId: "pump1#preflight", rotationId: _cloud.Rotation.RotationId, verify: true);

    [Fact]
    public async Task A_job_event_between_reading_and_writing_does_not_lose_the_commit()
    {
        await _cloud.CreateAsync(token: null);
        _cloud.Faults.Reset();
        _cloud.Faults.FailWith = name =>
        {
            if (name == "ledger.TryUpdate" && _cloud.Faults.Calls.Count == 2)
            {
                _cloud.CloseAsync("TIMED_OUT").GetAwaiter().GetResult();
            }

            return null;
        };
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(token: null));
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
    }

    [Fact]
    public async Task When_the_ledger_fails_the_device_is_asked_to_try_again()
    {
        await _cloud.CreateAsync();
        _cloud.Faults.FailWith = name => name == "ledger.TryUpdate" ? new DependencyException("s", "o", "c", "m") : null;
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.CommitAsync()).Code);
        await Assert.ThrowsAsync<DependencyException>(() => _cloud.CommitAsync(token: null));
    }
}
