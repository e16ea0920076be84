using System.Text;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class ReconcileCertificateTests
{
    private readonly Cloud _cloud = new();

    [Fact]
    public async Task A_device_that_never_rotated_is_heard()
    {
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.Old.Certificate));
        var (topic, answer) = Assert.Single(_cloud.Published);
        Assert.EndsWith("create/accepted", topic, StringComparison.Ordinal);
        Assert.Equal("token-3", answer.GetProperty("clientToken").GetString());
        Assert.Empty(_cloud.Ledger.Rotations);
    }

    [Fact]
    public async Task After_a_good_rotation_an_attest_costs_no_call_and_changes_nothing()
    {
        await _cloud.RotateAsync();
        await _cloud.AttestAsync(_cloud.New.Certificate);
        _cloud.Faults.Reset();
        var version = _cloud.Rotation.Version;
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.New.Certificate));
        Assert.Equal(["ledger.Read", "data.Publish"], _cloud.Faults.Calls);
        Assert.Equal(version, _cloud.Rotation.Version);
    }

    [Fact]
    public async Task Once_an_hour_at_most_it_is_noted_that_the_device_was_heard()
    {
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        var first = (await _cloud.Ledger.ReadAsync(Cloud.Thing, TestContext.Current.CancellationToken)).Heard;
        Assert.Equal(new HeardDevice(Cloud.Thing, _cloud.Clock.GetUtcNow(), _cloud.Old.Certificate.Id, "2.0.0", "file", 2_524_607_999), first);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(59));
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.Equal(first, (await _cloud.Ledger.ReadAsync(Cloud.Thing, TestContext.Current.CancellationToken)).Heard);
        _cloud.Clock.Advance(TimeSpan.FromMinutes(2));
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.NotEqual(first, (await _cloud.Ledger.ReadAsync(Cloud.Thing, TestContext.Current.CancellationToken)).Heard);
    }

    [Fact]
    public async Task Before_the_job_s_end_is_known_the_end_is_left_to_it()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.New.Certificate));
        Assert.True(_cloud.Old.IsActive);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);

        _cloud.Clock.Advance(TimeSpan.FromMinutes(11));
        await _cloud.AttestAsync(_cloud.New.Certificate);
        Assert.False(_cloud.Old.IsActive);
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
    }

    [Fact]
    public async Task While_the_certificate_is_only_issued_an_attest_has_no_effect()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.Old.Certificate));
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.New.Certificate));
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task An_end_of_the_job_that_nobody_heard_of_is_found_out_by_an_attest()
    {
        await _cloud.CreateAsync();
        _cloud.End(Cloud.Job, "CANCELED");
        await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);

        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
        Assert.Contains("CANCELED", Assert.Single(_cloud.Notices).Reason, StringComparison.Ordinal);

        await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        Assert.Equal([_cloud.Old], _cloud.Registry.ActiveOf(Cloud.Thing));
        await _cloud.CloseAsync("CANCELED");
        Assert.Single(_cloud.Notices);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task After_a_failed_job_the_new_certificate_s_word_retires_the_old(bool committed)
    {
        await FailAsync(committed);
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.New.Certificate));
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        Assert.False(_cloud.Old.IsActive);
        Assert.Empty(_cloud.Old.Things);
        Assert.True(_cloud.New.IsActive);
    }

    [Fact]
    public async Task The_old_certificate_s_word_counts_only_with_the_nonce_and_in_time()
    {
        await FailAsync(committed: false);
        var (outcome, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.Equal(Outcome.Accepted, outcome);
        Assert.NotNull(nonce);
        Assert.True(_cloud.New.IsActive);

        _cloud.Clock.Advance(TimeSpan.FromMinutes(6));
        var (_, second) = await _cloud.AttestAsync(_cloud.Old.Certificate, nonce);
        Assert.NotEqual(nonce, second);
        var (_, third) = await _cloud.AttestAsync(_cloud.Old.Certificate, "0123456789abcdef");
        Assert.True(_cloud.New.IsActive);

        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.Old.Certificate, third));
        Assert.Equal(RotationState.ClosedOld, _cloud.Rotation.State);
        Assert.False(_cloud.New.IsActive);
        Assert.Empty(_cloud.New.Things);
        Assert.Equal([_cloud.Old], _cloud.Registry.ActiveOf(Cloud.Thing));
        Assert.Equal(RefusalCode.ClosedInFavourOfOld, (await _cloud.CommitAsync(principal: _cloud.Old.Certificate.Id)).Code);
    }

    [Fact]
    public async Task An_alarm_about_the_old_key_that_could_not_be_sent_is_sent_when_Lambda_repeats_the_request()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        var (_, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        Func<Task>[] requests = [() => _cloud.CreateAsync(key: 1), () => _cloud.AttestAsync(_cloud.Old.Certificate, nonce)];
        foreach (var request in requests)
        {
            _cloud.Faults.FailWith = call => call == "sns.Publish" ? new DependencyException("sns", "Publish", "Unreachable", "no answer") : null;
            var untold = await Assert.ThrowsAsync<UntoldException>(request);
            Assert.Contains("sns Publish: Unreachable", untold.Message, StringComparison.Ordinal);
            _cloud.Faults.Reset();
            _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Empty(_cloud.Notices);
        foreach (var request in requests)
        {
            await request();
        }

        Assert.Single(_cloud.Notices);
    }

    [Fact]
    public async Task After_a_commit_the_old_certificate_s_word_only_alarms()
    {
        await FailAsync(committed: true);
        // One that was under way since before the commit comes alone.
        var (outcome, nonce) = await _cloud.AttestAsync(_cloud.Old.Certificate);
        Assert.Equal(Outcome.Accepted, outcome);
        Assert.DoesNotContain(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.Old.Certificate, nonce)).Outcome.Code);
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.Old.Certificate, nonce)).Outcome.Code);
        Assert.Single(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.True(_cloud.New.IsActive);
    }

    [Fact]
    public async Task A_third_certificate_s_word_decides_nothing_between_two()
    {
        await FailAsync(committed: true);
        var third = _cloud.Registry.Add(Cloud.Thing);
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(third.Certificate));
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
        Assert.Equal(3, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task A_loser_that_somebody_detached_is_not_touched()
    {
        await FailAsync(committed: false);
        _cloud.Old.Things.Clear();
        Assert.Equal((Outcome.Accepted, null), await _cloud.AttestAsync(_cloud.New.Certificate));
        Assert.Equal(RotationState.ClosedNew, _cloud.Rotation.State);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task Nobody_attests_for_another()
    {
        await FailAsync(committed: false);
        var rogue = _cloud.Registry.Add("pump10").Certificate;
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(rogue)).Outcome.Code);
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.New.Certificate, principal: _cloud.Old.Certificate.Id)).Outcome.Code);
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.Old.Certificate, principal: "someone")).Outcome.Code);
        Assert.Equal(RefusalCode.WrongClientId, (await _cloud.AttestAsync(_cloud.New.Certificate, clientId: "pump10")).Outcome.Code);
        _cloud.New.Things[Cloud.Thing] = false;
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome.Code);
        Assert.Equal(RotationState.Reconcile, _cloud.Rotation.State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Killed_at_any_call_the_next_word_finishes_it(bool afterEffect)
    {
        await FailAsync(committed: false);
        _cloud.Faults.Reset();
        await _cloud.AttestAsync(_cloud.New.Certificate);
        var count = _cloud.Faults.Calls.Count;
        for (var kill = 0; kill < count; kill++)
        {
            var test = new ReconcileCertificateTests();
            await test.FailAsync(committed: false);
            test._cloud.Faults.Reset();
            (test._cloud.Faults.KillAt, test._cloud.Faults.AfterEffect) = (kill, afterEffect);
            await Assert.ThrowsAsync<ProcessKilledException>(() => test._cloud.AttestAsync(test._cloud.New.Certificate));
            test._cloud.Faults.KillAt = null;
            test._cloud.Clock.Advance(TimeSpan.FromDays(1));
            Assert.Equal((Outcome.Accepted, null), await test._cloud.AttestAsync(test._cloud.New.Certificate));
            Assert.Equal([test._cloud.New], test._cloud.Registry.ActiveOf(Cloud.Thing));
            Assert.Equal(RotationState.ClosedNew, test._cloud.Rotation.State);
        }
    }

    [Fact]
    public async Task When_a_service_fails_the_device_is_asked_to_try_again()
    {
        await FailAsync(committed: false);
        _cloud.Faults.FailWith = name => name == "iot.UpdateCertificate" ? new DependencyException("s", "o", "c", "m") : null;
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.AttestAsync(_cloud.New.Certificate)).Outcome.Code);
    }

    [Theory]
    [InlineData("""{"attest":true,"certificateId":"c","clientToken":"t","component":"2.0.0","keyStore":"file","notAfter":1,"nonce":"n",""", null)]
    [InlineData("""{"attest":false,"certificateId":"c","clientToken":"t","component":"2","keyStore":"file","notAfter":1,""", "attest is true")]
    [InlineData("""{"attest":"true",""", "attest is neither")]
    [InlineData("""{"attest":true,"jobId":"j","certificateId":"c","clientToken":"t","component":"2","keyStore":"file","notAfter":1,""", "without jobId")]
    [InlineData("""{"attest":true,"clientToken":"t","component":"2","keyStore":"file","notAfter":1,""", "certificateId is missing")]
    [InlineData("""{"attest":true,"certificateId":"c","component":"2","keyStore":"file","notAfter":1,""", "clientToken is missing")]
    [InlineData("""{"attest":true,"certificateId":"c","clientToken":"t","component":"2","keyStore":"file","notAfter":1.5,""", "notAfter is not a whole number")]
    [InlineData("""{"attest":true,"certificateId":"c","clientToken":"t","component":"2","keyStore":"file","notAfter":"1",""", "notAfter is not a whole number")]
    [InlineData("""{"attest":true,"certificateId":"c","clientToken":"t","component":"2","keyStore":"file",""", "notAfter is not a whole number")]
    public void An_attest_is_read_strictly(string payload, string? fault)
    {
        var json = payload + """ "thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"pump1","principal":"abc"} """;
        var request = DeviceRequest.ParseAttest(Encoding.UTF8.GetBytes(json));
        Assert.NotNull(request);
        if (fault is null)
        {
            Assert.Equal(new AttestRequest(true, "c", "t", "2.0.0", "file", 1, "n"), request.Payload);
        }
        else
        {
            Assert.Contains(fault, request.Fault, StringComparison.Ordinal);
        }
    }

    private async Task FailAsync(bool committed)
    {
        await _cloud.CreateAsync();
        if (committed)
        {
            await _cloud.CommitAsync();
        }

        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
    }
}
