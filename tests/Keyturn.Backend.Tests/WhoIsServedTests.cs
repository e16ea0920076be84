using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>A certificate is issued to the thing itself, over its own certificate, in its own job, and to nobody else.</summary>
public sealed class WhoIsServedTests
{
    private readonly Cloud _cloud = new();

    [Theory]
    [InlineData("pump1#2")]
    [InlineData("pump1#317")]
    public async Task The_nucleus_s_further_connections_are_the_thing(string clientId) =>
        Assert.Equal(Outcome.Accepted, await _cloud.CreateAsync(clientId: clientId));

    [Theory]
    [InlineData("pump10")]
    [InlineData("pump")]
    [InlineData("pump1#")]
    [InlineData("pump1#a")]
    [InlineData("pump1#2x")]
    [InlineData("pump1#-2")]
    [InlineData("pump1#\u0662")]
    [InlineData("pump1##2")]
    [InlineData("pumq1#2")]
    [InlineData("pump1#1234567890")]
    [InlineData("pump1#preflight")]
    [InlineData("PUMP1")]
    [InlineData(" pump1")]
    [InlineData("pump1\n")]
    [InlineData("n/a")]
    [InlineData("")]
    public async Task No_other_client_id_is(string clientId)
    {
        Assert.Equal(RefusalCode.WrongClientId, (await _cloud.CreateAsync(clientId: clientId)).Code);
        Assert.Empty(_cloud.Ledger.Rotations);
        Assert.DoesNotContain(_cloud.Faults.Calls, c => c.StartsWith("iot.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("AROAEXAMPLE:session")]
    [InlineData("us-east-1:00000000-0000-0000-0000-000000000000")]
    public async Task A_principal_that_is_no_certificate_is_refused(string principal) =>
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(principal: principal)).Code);

    [Fact]
    public async Task So_are_parts_of_the_right_one_and_the_right_one_in_capitals()
    {
        var id = _cloud.Old.Certificate.Id;
        foreach (var principal in new[] { id[1..], id[..63], id.ToUpperInvariant(), id + "0", $"cert/{id}", _cloud.Old.Certificate.Arn })
        {
            Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync(principal: principal)).Code);
        }

        Assert.Empty(_cloud.Ledger.Rotations);
    }

    [Fact]
    public async Task Another_thing_s_certificate_gets_nothing()
    {
        var rogue = _cloud.Registry.Add("pump10");
        var outcome = await _cloud.CreateAsync(principal: rogue.Certificate.Id);
        Assert.Equal(new Outcome(OutcomeKind.Refused, RefusalCode.WrongPrincipal), outcome);
        Assert.Empty(_cloud.Ledger.Rotations);
    }

    [Fact]
    public async Task A_stranger_without_a_token_is_not_answered_lest_the_thing_take_it_for_its_own()
    {
        var rogue = _cloud.Registry.Add("pump10");
        Assert.Equal(OutcomeKind.Silent, (await _cloud.CreateAsync(principal: rogue.Certificate.Id, token: null)).Kind);
        Assert.Equal(OutcomeKind.Silent, (await _cloud.CreateAsync(clientId: "pump10", token: null)).Kind);
        Assert.Equal(OutcomeKind.Silent, (await _cloud.CreateAsync(jobId: "no-such-job", token: null)).Kind);
        Assert.Empty(_cloud.Published);
    }

    [Fact]
    public async Task A_certificate_that_might_serve_other_things_too_is_refused()
    {
        _cloud.Old.Things[Cloud.Thing] = false;
        Assert.Equal(RefusalCode.WrongPrincipal, (await _cloud.CreateAsync()).Code);
        Assert.Contains("not exclusively", _cloud.Published[0].Payload.GetProperty("errorMsg").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("QUEUED")]
    [InlineData("SUCCEEDED")]
    [InlineData("CANCELED")]
    [InlineData("TIMED_OUT")]
    public async Task Only_an_execution_in_progress_counts(string status)
    {
        _cloud.End(Cloud.Job, status);
        Assert.Equal(RefusalCode.JobNotInProgress, (await _cloud.CreateAsync()).Code);
    }

    [Theory]
    [InlineData("""{"operation":"REBOOT"}""")]
    [InlineData("""{"operation":["ROTATE_CERTIFICATE"]}""")]
    [InlineData("""{}""")]
    [InlineData("null")]
    [InlineData("")]
    public async Task A_job_of_another_kind_is_no_rotation(string document)
    {
        _cloud.AddJob(Cloud.Job, document: document);
        Assert.Equal(RefusalCode.JobNotInProgress, (await _cloud.CreateAsync()).Code);
    }

    [Fact]
    public async Task A_replay_that_names_another_rotation_is_refused()
    {
        Assert.Equal(RefusalCode.JobNotInProgress, (await _cloud.CreateAsync(rotationId: new string('0', 32))).Code);
        Assert.Empty(_cloud.Ledger.Rotations);
    }
}
