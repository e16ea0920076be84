using System.Text;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>Each limit holds what it allows, and not one more.</summary>
public sealed class LimitTests
{
    private const string Columns =
        """ "thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"pump1","principal":"abc"} """;

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(128, true)]
    [InlineData(129, false)]
    public void A_thing_name_has_1_to_128_characters(int length, bool valid) => Assert.Equal(valid, Identity.IsThingName(new string('a', length)));

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void A_job_id_has_1_to_64_characters(int length, bool valid) => Assert.Equal(valid, Identity.IsJobId(new string('a', length)));

    [Theory]
    [InlineData('a', 64, true)]
    [InlineData('a', 63, false)]
    [InlineData('a', 65, false)]
    [InlineData('g', 64, false)]
    [InlineData('A', 64, false)]
    public void A_certificate_id_has_64_lower_case_hex_digits(char digit, int length, bool valid) =>
        Assert.Equal(valid, Identity.IsCertificateId(new string(digit, length)));

    [Fact]
    public void A_csr_of_the_greatest_length_passes_and_of_one_more_does_not()
    {
        var padded = Cloud.Csr(0).PadRight(WireLimits.CsrCharacters, '\n');
        Assert.NotNull(CsrPolicy.Default.Check(padded, Cloud.Thing, out _));
        Assert.Null(CsrPolicy.Default.Check(padded + "\n", Cloud.Thing, out _));
    }

    [Theory]
    [InlineData("{0}\n")]
    [InlineData("{0}\n\n ")]
    public void A_text_before_or_behind_the_csr_is_not_passed_over(string text)
    {
        var csr = Cloud.Csr(0);
        Assert.Null(CsrPolicy.Default.Check(text.Replace("{0}", "note", StringComparison.Ordinal) + csr, Cloud.Thing, out _));
        Assert.Null(CsrPolicy.Default.Check(csr + text.Replace("{0}", "\nnote", StringComparison.Ordinal), Cloud.Thing, out _));
    }

    [Theory]
    [InlineData(64, true)]
    [InlineData(65, false)]
    public void A_token_has_at_most_64_characters(int length, bool valid) =>
        Assert.Equal(valid, Create($$"""{"jobId":"j","csr":"c","clientToken":"{{new string('t', length)}}",""").Payload is not null);

    [Fact]
    public void A_message_without_attest_is_none() =>
        Assert.Null(DeviceRequest.ParseAttest(Encoding.UTF8.GetBytes("""{"jobId":"j","csr":"c",""" + Columns)));

    [Theory]
    [InlineData(7, true)]
    [InlineData(8, false)]
    public void An_event_nests_eight_deep_at_most(int arrays, bool valid)
    {
        var json = Encoding.UTF8.GetBytes(
            """{"timestamp":1,"jobId":"j","thingArn":"arn:aws:iot:r:a:thing/t","status":"FAILED","x":""" + new string('[', arrays) + new string(']', arrays) + "}");
        if (valid)
        {
            Assert.Equal("t", JobEvent.Parse(json).Thing);
        }
        else
        {
            Assert.Throws<FormatException>(() => JobEvent.Parse(json));
        }
    }

    [Fact]
    public void Only_what_may_be_granted_later_says_so()
    {
        Assert.Null(Refusal.Frozen().ToAnswer("t", null).Retryable);
        Assert.True(Refusal.TryAgain().ToAnswer("t", null).Retryable);
    }

    [Theory]
    [InlineData(RotationState.Issuing, true)]
    [InlineData(RotationState.Abandoned, false)]
    [InlineData(RotationState.Reconcile, true)]
    [InlineData(RotationState.ClosedNew, true)]
    public void Once_its_job_has_ended_nothing_is_left_to_do_of_an_abandoned_rotation_alone(RotationState state, bool open)
    {
        var rotation = Of(state);
        Assert.True(rotation.IsOpen);
        Assert.Equal(open, (rotation with { JobEndedAt = 1 }).IsOpen);
    }

    [Fact]
    public void What_is_kept_in_its_grace_period_is_due_at_the_end_of_it()
    {
        var rotation = Of(RotationState.ClosedNew);
        Assert.Equal(DateTimeOffset.UnixEpoch, rotation.DueAt);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddDays(1), (rotation with { LoserKeptUntil = DateTimeOffset.UnixEpoch.AddDays(1) }).DueAt);
    }

    private static DeviceRequest<CreateRequest> Create(string json) => DeviceRequest.ParseCreate(Encoding.UTF8.GetBytes(json + Columns));

    private static Rotation Of(RotationState state) => new()
    {
        Thing = Cloud.Thing, RotationId = "r", JobId = Cloud.Job, QueuedAt = 1, ExecutionNumber = 1, State = state, KeyHash = "k", SpeaksTokens = true,
        Old = new Certificate("old", "arn:old"), New = new Certificate("new", "arn:new"),
        Trail = [new Transition(RotationState.Issuing, DateTimeOffset.UnixEpoch, "old")],
    };
}
