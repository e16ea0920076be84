using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Tests;

/// <summary>What every ledger must keep to. Each test has a thing of its own, so that they can share a table.</summary>
public abstract class RotationLedgerContract
{
    private static readonly DateTimeOffset Now = DateTimeOffset.UnixEpoch.AddYears(56).AddMilliseconds(123);
    private readonly string _thing = $"thing-{Guid.NewGuid():N}";

    internal abstract IRotationLedger Ledger { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_unknown_thing_has_no_rotations()
    {
        var known = await Ledger.ReadAsync(_thing, Cancellation);
        Assert.Null(known.ActiveRotationId);
        Assert.Empty(known.Rotations);
        Assert.Empty(known.Refusals);
    }

    [Fact]
    public async Task An_opened_rotation_is_read_back_as_it_was_written()
    {
        var rotation = New("r1");
        Assert.Equal(OpenOutcome.Opened, await Ledger.OpenAsync(rotation, null, Cancellation));
        var known = await Ledger.ReadAsync(_thing, Cancellation);
        Assert.Equal("r1", known.ActiveRotationId);
        AssertSame(rotation, Assert.Single(known.Rotations));
    }

    [Fact]
    public async Task So_is_one_with_every_field_filled()
    {
        var rotation = New("r1");
        await Ledger.OpenAsync(rotation, null, Cancellation);
        var full = rotation.To(RotationState.ClosedNew, Now.AddHours(1), new string('b', 64)) with
        {
            New = new Certificate(new string('b', 64), "arn:new"),
            NewPem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
            LeaseUntil = Now.AddMinutes(1),
            LoserSettled = true,
            JobEndedAt = 1_800_000_000, JobEnd = "event#job#1",
            Nonce = "0123456789abcdef",
            NonceUntil = Now.AddMinutes(5),
            Unrecorded = new UnrecordedWindow(Now, Now.AddMinutes(2)),
            LoserKeptUntil = Now.AddDays(1),
        };
        var stored = await Ledger.TryUpdateAsync(full, Cancellation);
        Assert.Equal(rotation.Version + 1, stored!.Version);
        AssertSame(stored, Assert.Single((await Ledger.ReadAsync(_thing, Cancellation)).Rotations));
    }

    [Fact]
    public async Task Every_state_survives_the_ledger()
    {
        var rotation = New("r1");
        await Ledger.OpenAsync(rotation, null, Cancellation);
        foreach (var state in Enum.GetValues<RotationState>())
        {
            rotation = await Ledger.TryUpdateAsync(rotation.To(state, Now), Cancellation);
            Assert.Equal(state, Assert.Single((await Ledger.ReadAsync(_thing, Cancellation)).Rotations).State);
            Assert.NotNull(rotation);
        }
    }

    [Fact]
    public async Task A_rotation_is_opened_once()
    {
        var rotation = New("r1");
        await Ledger.OpenAsync(rotation, null, Cancellation);
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(rotation, null, Cancellation));
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(rotation, "r1", Cancellation));
    }

    [Fact]
    public async Task Of_two_that_open_at_once_one_wins()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Ledger.OpenAsync(New($"r{i}"), null, Cancellation)));
        Assert.Equal(1, outcomes.Count(o => o == OpenOutcome.Opened));
        Assert.Equal(3, outcomes.Count(o => o == OpenOutcome.Conflict));
        Assert.Single((await Ledger.ReadAsync(_thing, Cancellation)).Rotations);
    }

    [Fact]
    public async Task The_next_rotation_supersedes_the_one_its_writer_saw()
    {
        await Ledger.OpenAsync(New("r1"), null, Cancellation);
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(New("r2"), null, Cancellation));
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(New("r2"), "r0", Cancellation));
        Assert.Equal(OpenOutcome.Opened, await Ledger.OpenAsync(New("r2"), "r1", Cancellation));
        var known = await Ledger.ReadAsync(_thing, Cancellation);
        Assert.Equal("r2", known.ActiveRotationId);
        Assert.Equal(["r1", "r2"], known.Rotations.Select(r => r.RotationId).Order());
    }

    [Fact]
    public async Task After_a_job_ended_unopened_nobody_opens_who_read_before_it()
    {
        Assert.True(await Ledger.TryCloseUnopenedAsync(_thing, null, "end1", Cancellation));
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(New("r1"), null, Cancellation));
        Assert.False(await Ledger.TryCloseUnopenedAsync(_thing, null, "end1", Cancellation));
        Assert.True(await Ledger.TryCloseUnopenedAsync(_thing, "end1", "end1", Cancellation));
        var known = await Ledger.ReadAsync(_thing, Cancellation);
        Assert.Empty(known.Rotations);
        Assert.Equal(OpenOutcome.Opened, await Ledger.OpenAsync(New("r1"), known.ActiveRotationId, Cancellation));
        Assert.False(await Ledger.TryCloseUnopenedAsync(_thing, "end1", "end2", Cancellation));
        Assert.True(await Ledger.TryCloseUnopenedAsync(_thing, "r1", "end2", Cancellation));
        Assert.Equal(OpenOutcome.Conflict, await Ledger.OpenAsync(New("r2"), "r1", Cancellation));
    }

    [Fact]
    public async Task A_key_is_used_once_on_whatever_thing_and_a_refused_opening_leaves_no_trace()
    {
        var rotation = New("r1");
        await Ledger.OpenAsync(rotation, null, Cancellation);
        Assert.Equal(OpenOutcome.KeyReused, await Ledger.OpenAsync(New("r2") with { KeyHash = rotation.KeyHash }, "r1", Cancellation));

        var other = $"thing-{Guid.NewGuid():N}";
        Assert.Equal(
            OpenOutcome.KeyReused, await Ledger.OpenAsync(New("r1") with { Thing = other, KeyHash = rotation.KeyHash }, null, Cancellation));
        Assert.Null((await Ledger.ReadAsync(other, Cancellation)).ActiveRotationId);
        Assert.Equal("r1", (await Ledger.ReadAsync(_thing, Cancellation)).ActiveRotationId);
    }

    [Fact]
    public async Task A_writer_that_read_an_older_version_loses()
    {
        var first = New("r1");
        await Ledger.OpenAsync(first, null, Cancellation);
        Assert.NotNull(await Ledger.TryUpdateAsync(first.To(RotationState.Issued, Now), Cancellation));
        Assert.Null(await Ledger.TryUpdateAsync(first.To(RotationState.Frozen, Now), Cancellation));
        Assert.Equal(RotationState.Issued, Assert.Single((await Ledger.ReadAsync(_thing, Cancellation)).Rotations).State);
    }

    [Fact]
    public async Task A_rotation_that_was_never_opened_can_t_be_updated() =>
        Assert.Null(await Ledger.TryUpdateAsync(New("r1"), Cancellation));

    [Fact]
    public async Task The_last_refusal_of_an_execution_counts()
    {
        var refusal = new RecordedRefusal(_thing, "r1", "job", 1_700_000_000, 2, "CODE", "first", "nothing", new string('a', 64), Now);
        await Ledger.RecordRefusalAsync(refusal, Cancellation);
        await Ledger.RecordRefusalAsync(refusal with { Reason = "second" }, Cancellation);
        Assert.Equal([refusal with { Reason = "second" }], (await Ledger.ReadAsync(_thing, Cancellation)).Refusals);
        await Ledger.RecordRefusalAsync(refusal with { JobEnd = "event#job#1" }, Cancellation);
        Assert.Equal([refusal with { JobEnd = "event#job#1" }], (await Ledger.ReadAsync(_thing, Cancellation)).Refusals);
    }

    [Fact]
    public async Task A_notice_is_claimed_by_one_until_its_time_is_up_and_never_once_sent()
    {
        var until = Now.AddMinutes(1);
        Assert.Equal(NoticeClaim.Granted, await Ledger.TryClaimNoticeAsync(_thing, "n", Now, until, Cancellation));
        Assert.Equal(NoticeClaim.Held, await Ledger.TryClaimNoticeAsync(_thing, "n", Now.AddSeconds(59), until.AddSeconds(59), Cancellation));
        Assert.Equal(NoticeClaim.Granted, await Ledger.TryClaimNoticeAsync(_thing, "other", Now, until, Cancellation));
        Assert.Equal(NoticeClaim.Granted, await Ledger.TryClaimNoticeAsync(_thing, "n", Now.AddSeconds(61), Now.AddSeconds(121), Cancellation));
        await Ledger.MarkNoticeSentAsync(_thing, "n", Cancellation);
        Assert.Equal(NoticeClaim.Sent, await Ledger.TryClaimNoticeAsync(_thing, "n", Now.AddYears(1), Now.AddYears(1).AddMinutes(1), Cancellation));
        Assert.Empty((await Ledger.ReadAsync(_thing, Cancellation)).Rotations);
    }

    [Fact]
    public async Task What_a_device_said_of_itself_is_read_back_and_listed_until_it_is_silent()
    {
        var device = new HeardDevice(_thing, Now.AddYears(-40), new string('c', 64), "2.0.0", "file", 2_524_607_999);
        await Ledger.RecordHeardAsync(device, Cancellation);
        Assert.Equal(device, (await Ledger.ReadAsync(_thing, Cancellation)).Heard);
        Assert.Contains(_thing, await DueAsync(DueKind.Heard, device.At.AddSeconds(1)));
        Assert.DoesNotContain(_thing, await DueAsync(DueKind.Heard, device.At));

        await Ledger.RecordHeardAsync(device with { IsSilent = true }, Cancellation);
        Assert.True((await Ledger.ReadAsync(_thing, Cancellation)).Heard!.IsSilent);
        Assert.DoesNotContain(_thing, await DueAsync(DueKind.Heard, Now));
    }

    [Fact]
    public async Task An_open_rotation_is_listed_until_nothing_is_left_to_do()
    {
        var rotation = New("r1");
        await Ledger.OpenAsync(rotation, null, Cancellation);
        Assert.Contains(_thing, await DueAsync(DueKind.OpenRotation, Now.AddSeconds(1)));
        Assert.DoesNotContain(_thing, await DueAsync(DueKind.OpenRotation, Now));
        Assert.DoesNotContain(_thing, await DueAsync(DueKind.Heard, Now.AddSeconds(1)));

        var closed = await Ledger.TryUpdateAsync(rotation.To(RotationState.ClosedNew, Now), Cancellation);
        Assert.Contains(_thing, await DueAsync(DueKind.OpenRotation, Now.AddSeconds(1)));
        await Ledger.TryUpdateAsync(closed! with { LoserSettled = true }, Cancellation);
        Assert.DoesNotContain(_thing, await DueAsync(DueKind.OpenRotation, Now.AddSeconds(1)));
    }

    [Fact]
    public async Task Pages_follow_each_other_to_the_end_and_the_place_of_a_sweep_is_kept()
    {
        for (var i = 0; i < 120; i++)
        {
            await Ledger.RecordHeardAsync(new HeardDevice($"{_thing}-{i}", Now.AddYears(-50).AddMinutes(i % 7), "c", "", "", 0), Cancellation);
        }

        var due = await DueAsync(DueKind.Heard, Now.AddYears(-49));
        Assert.Equal(120, due.Count(t => t.StartsWith(_thing, StringComparison.Ordinal)));
        Assert.Equal(due.Distinct(), due);

        await Ledger.WriteSweepCursorAsync("a|b", Cancellation);
        Assert.Equal("a|b", await Ledger.ReadSweepCursorAsync(Cancellation));
        await Ledger.WriteSweepCursorAsync(null, Cancellation);
        Assert.Null(await Ledger.ReadSweepCursorAsync(Cancellation));
    }

    private async Task<List<string>> DueAsync(DueKind kind, DateTimeOffset before)
    {
        List<string> due = [];
        DuePage page;
        string? cursor = null;
        do
        {
            page = await Ledger.ListDueAsync(kind, before, cursor, Cancellation);
            due.AddRange(page.Things);
            cursor = page.Cursor;
        }
        while (cursor is not null);
        return due;
    }

    private static void AssertSame(Rotation expected, Rotation actual)
    {
        Assert.Equal(expected.Trail.AsEnumerable(), actual.Trail);
        Assert.Equal(expected with { Trail = [] }, actual with { Trail = [] });
    }

    private Rotation New(string id) => new()
    {
        Thing = _thing,
        RotationId = id,
        JobId = "job",
        QueuedAt = 1_700_000_000,
        ExecutionNumber = 2,
        State = RotationState.Issuing,
        KeyHash = Guid.NewGuid().ToString("N"),
        Old = new Certificate(new string('a', 64), "arn:old"),
        SpeaksTokens = true,
        Trail = [new Transition(RotationState.Issuing, Now, new string('a', 64)), new Transition(RotationState.Issuing, Now, null)],
    };
}

public sealed class InMemoryLedgerTests : RotationLedgerContract
{
    internal override IRotationLedger Ledger { get; } = new World.InMemoryLedger(new World.Faults());
}
