using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class IssueCertificateTests
{
    private readonly Cloud _cloud = new();

    [Fact]
    public async Task A_device_with_a_job_gets_a_certificate_that_is_its_thing_s_alone_with_the_policies_of_the_old()
    {
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());

        var (topic, answer) = Assert.Single(_cloud.Published);
        Assert.Equal($"awslabs/things/{Cloud.Thing}/certificate/create/accepted", topic);
        Assert.Equal(_cloud.New.Pem, answer.GetProperty("certificatePem").GetString());
        Assert.Equal(_cloud.New.Certificate.Id, answer.GetProperty("certificateId").GetString());
        Assert.Equal(_cloud.Rotation.RotationId, answer.GetProperty("rotationId").GetString());
        Assert.Equal("token-1", answer.GetProperty("clientToken").GetString());
        Assert.True(_cloud.New.IsActive);
        Assert.Equal(_cloud.Old.Policies, _cloud.New.Policies);
        Assert.Equal([KeyValuePair.Create(Cloud.Thing, true)], _cloud.New.Things);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
        Assert.True(_cloud.Old.IsActive);
    }

    [Fact]
    public async Task The_same_key_gets_the_same_certificate_again()
    {
        await _cloud.CreateAsync();
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(token: "token-9"));
        Assert.Equal(_cloud.Published[0].Payload.GetProperty("certificateId").GetString(), _cloud.Published[1].Payload.GetProperty("certificateId").GetString());
        Assert.Equal("token-9", _cloud.Published[1].Payload.GetProperty("clientToken").GetString());
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
    }

    [Fact]
    public async Task The_reference_s_device_is_served_without_a_token()
    {
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(token: null));
        Assert.False(_cloud.Published[0].Payload.TryGetProperty("clientToken", out _));
        Assert.False(_cloud.Rotation.SpeaksTokens);
    }

    [Fact]
    public async Task A_second_active_certificate_that_no_rotation_issued_is_refused_by_name()
    {
        var second = _cloud.Registry.Add(Cloud.Thing);
        Assert.Equal(RefusalCode.UnknownCertificate, (await _cloud.CreateAsync()).Code);
        Assert.Contains(second.Certificate.Id, _cloud.Published[0].Payload.GetProperty("errorMsg").GetString(), StringComparison.Ordinal);
        Assert.Empty(_cloud.Ledger.Rotations);

        second.IsActive = false;
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
    }

    [Fact]
    public async Task A_second_key_freezes_the_rotation_whoever_comes_first()
    {
        await _cloud.CreateAsync(key: 0);
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 1)).Code);
        Assert.Equal(RotationState.Frozen, _cloud.Rotation.State);
        Assert.Equal(NoticeKind.Alarm, Assert.Single(_cloud.Notices).Kind);

        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 0)).Code);
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CommitAsync()).Code);
        await _cloud.CloseAsync("FAILED");
        Assert.Single(_cloud.Notices);
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task A_freeze_ends_with_a_job_that_was_created_after_it()
    {
        await _cloud.CreateAsync(key: 0);
        _cloud.AddJob("queued-before");
        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        await _cloud.CreateAsync(key: 1);
        await _cloud.CloseAsync("FAILED");
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 2, jobId: "queued-before")).Code);

        _cloud.Clock.Advance(TimeSpan.FromMinutes(1));
        _cloud.AddJob(Cloud.Job, number: 2);
        Assert.Equal(RefusalCode.RotationFrozen, (await _cloud.CreateAsync(key: 2)).Code);
        _cloud.AddJob("created-after");
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 2, jobId: "created-after"));
        Assert.Equal(2, _cloud.Registry.ActiveOf(Cloud.Thing).Count());
    }

    [Fact]
    public async Task A_key_that_another_thing_has_used_is_not_certified()
    {
        await _cloud.CreateAsync();
        var other = new Cloud();
        await other.Ledger.OpenAsync(_cloud.Rotation with { Thing = "pump2", RotationId = "of-pump2" }, null, TestContext.Current.CancellationToken);
        Assert.Equal(RefusalCode.KeyReused, (await other.CreateAsync()).Code);
    }

    [Fact]
    public async Task A_request_that_names_its_rotation_is_answered_alike()
    {
        await _cloud.CreateAsync();
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(rotationId: _cloud.Rotation.RotationId));
    }

    [Fact]
    public async Task A_key_is_certified_in_one_rotation_only()
    {
        await _cloud.RotateAsync();
        _cloud.AddJob("rotate-2");
        var inUse = _cloud.New.Certificate.Id;
        Assert.Equal(RefusalCode.KeyReused, (await _cloud.CreateAsync(jobId: "rotate-2", principal: inUse, number: 1)).Code);
        await _cloud.CloseAsync("FAILED", "rotate-2", "event-2");
        Assert.Equal(RefusalCode.KeyReused, Assert.Single(_cloud.Notices).Code);
    }

    [Fact]
    public async Task While_another_invocation_is_at_work_there_is_silence_and_when_it_died_the_next_one_finishes()
    {
        _cloud.Faults.KillAt = IndexOf("iot.AttachPolicy", await CallsOfAsync());
        await Assert.ThrowsAsync<ProcessKilledException>(() => _cloud.CreateAsync());
        _cloud.Faults.Reset();

        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync());
        Assert.Empty(_cloud.Published);
        _cloud.Clock.Advance(TimeSpan.FromSeconds(51));
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
    }

    [Fact]
    public async Task An_invocation_that_lost_its_lease_to_a_slow_authority_answers_nothing()
    {
        _cloud.Faults.FailWith = name =>
        {
            if (name == "iot.CreateCertificate" && _cloud.Faults.Calls.Count(c => c == name) == 1)
            {
                _cloud.Clock.Advance(TimeSpan.FromSeconds(51));
                Assert.Equal(Outcome.Accepted, _cloud.CreateAsync().GetAwaiter().GetResult());
            }

            return null;
        };
        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync());
        Assert.Single(_cloud.Published);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Theory]
    [InlineData("jobs.DescribeJobExecution")]
    [InlineData("iot.ListThingPrincipals")]
    [InlineData("ledger.Read")]
    [InlineData("ledger.Open")]
    [InlineData("iot.CreateCertificate")]
    [InlineData("iot.ListAttachedPolicies")]
    [InlineData("iot.AttachPolicy")]
    [InlineData("iot.AttachThingPrincipal")]
    public async Task When_a_service_fails_the_device_is_asked_to_try_again_and_then_succeeds(string call)
    {
        _cloud.Faults.FailWith = name => name == call ? new DependencyException("s", "o", "ThrottlingException", "slow down") : null;
        Assert.Equal(RefusalCode.TryAgain, (await _cloud.CreateAsync()).Code);
        Assert.True(_cloud.Published[0].Payload.GetProperty("retryable").GetBoolean());
        await Assert.ThrowsAsync<DependencyException>(() => _cloud.CreateAsync(token: null));
        Assert.Single(_cloud.Published);

        _cloud.Faults.Reset();
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync());
    }

    [Fact]
    public async Task A_csr_that_the_authority_refuses_is_refused_and_leaves_nothing_behind()
    {
        _cloud.Registry.RefuseCsr = "AWS IoT does not sign it";
        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync()).Code);
        Assert.Equal(RotationState.Abandoned, _cloud.Rotation.State);
        Assert.Single(_cloud.Registry.Certificates);
    }

    [Fact]
    public async Task A_subject_of_the_certificate_in_use_may_be_asked_for_again_and_no_other()
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest(
            "CN=serial 4711, O=Pumps", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var factory = request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(99));
        _cloud.Old.Pem = factory.ExportCertificatePem();

        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: Cloud.MakeCsr("CN=serial 4712, O=Pumps"))).Code);
        Assert.Equal(RefusalCode.CsrRefused, (await _cloud.CreateAsync(csr: Cloud.MakeCsr("CN=pump10"))).Code);
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(csr: Cloud.MakeCsr("CN=serial 4711, O=Pumps")));
    }

    [Fact]
    public async Task A_second_job_waits_while_the_first_is_open()
    {
        await _cloud.CreateAsync();
        _cloud.Clock.Advance(TimeSpan.FromSeconds(1));
        _cloud.AddJob("rotate-2");
        var outcome = await _cloud.CreateAsync(key: 1, jobId: "rotate-2");
        Assert.Equal(RefusalCode.RotationOpen, outcome.Code);
        Assert.Equal(RotationState.Issued, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_failed_rotation_never_blocks_the_next_and_its_certificate_goes_inactive()
    {
        await _cloud.CreateAsync();
        var abandoned = _cloud.New;
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob(Cloud.Job, number: 2);

        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1));
        Assert.False(abandoned.IsActive);
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(principal: LatestNew().Certificate.Id));
        await _cloud.CloseAsync(JobExecution.Succeeded, eventId: "event-2");
        Assert.Equal([LatestNew()], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task For_the_reference_s_device_what_a_failed_rotation_left_stays_until_one_has_succeeded()
    {
        await _cloud.CreateAsync(token: null);
        var left = _cloud.New;
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");

        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, token: null, jobId: "rotate-2"));
        Assert.True(left.IsActive);
        Assert.Equal(Outcome.Accepted, await _cloud.CommitAsync(principal: LatestNew().Certificate.Id, jobId: "rotate-2", token: null));
        await _cloud.CloseAsync(JobExecution.Succeeded, "rotate-2");
        Assert.Equal([LatestNew()], _cloud.Registry.Certificates.Values);
    }

    [Fact]
    public async Task A_device_that_asks_over_the_new_certificate_of_a_lost_commit_keeps_it()
    {
        await _cloud.CreateAsync();
        var kept = _cloud.New;
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");

        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(key: 1, jobId: "rotate-2", principal: kept.Certificate.Id));
        Assert.False(_cloud.Old.IsActive);
        Assert.True(kept.IsActive);
    }

    [Fact]
    public async Task After_a_commit_the_old_certificate_only_raises_an_alarm_once()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(key: 1)).Code);
        await _cloud.CloseAsync("TIMED_OUT");
        _cloud.Clock.Advance(TimeSpan.FromHours(1));
        _cloud.AddJob("rotate-2");
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(key: 2, jobId: "rotate-2")).Code);
        Assert.Single(_cloud.Notices, n => n.Kind == NoticeKind.Alarm);
        Assert.True(_cloud.New.IsActive);
        Assert.Equal(RotationState.Committed, _cloud.Rotation.State);
    }

    [Fact]
    public async Task A_late_copy_after_the_commit_is_met_with_silence()
    {
        await _cloud.CreateAsync();
        await _cloud.CommitAsync();
        Assert.Equal(Outcome.Silent, await _cloud.CreateAsync());
        Assert.Empty(_cloud.Notices);
    }

    private StoredCertificate LatestNew() => _cloud.Registry.Certificates[_cloud.Ledger.Rotations.Last().New!.Id];

    private static async Task<List<string>> CallsOfAsync()
    {
        var trial = new Cloud();
        await trial.CreateAsync();
        return trial.Faults.Calls;
    }

    private static int IndexOf(string call, List<string> calls) => calls.IndexOf(call);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_certificate_that_could_not_be_recorded_does_not_stay_active(bool jobEnded)
    {
        if (jobEnded)
        {
            var asked = false;
            _cloud.Faults.FailWith = call =>
            {
                if (call == "iot.CreateCertificate" && !asked)
                {
                    // The job's end is handled while the authority is at work.
                    asked = true;
                    _cloud.Ledger.TryUpdateAsync(_cloud.Rotation.To(RotationState.Abandoned, _cloud.Clock.GetUtcNow()), default).Wait(TestContext.Current.CancellationToken);
                }

                return null;
            };
        }
        else
        {
            _cloud.Faults.FailWith = call => call == "ledger.TryUpdate" ? new DependencyException("dynamodb", "PutItem", "ThrottlingException", "slow down") : null;
        }

        await _cloud.CreateAsync();
        Assert.Equal([_cloud.Old], _cloud.Registry.Certificates.Values.Where(c => c.IsActive));
        Assert.Equal(2, _cloud.Registry.Certificates.Count);
    }
}
