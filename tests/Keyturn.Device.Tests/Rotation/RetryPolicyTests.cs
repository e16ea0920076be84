using System.Collections.Immutable;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Rotation;

/// <summary>How long the device waits before it says a request again: a fleet's load on its cloud after an outage hangs on these.</summary>
public sealed class RetryPolicyTests
{
    private static readonly Dictionary<string, CloudRequest> Requests = new()
    {
        ["create"] = new CloudRequest.Create("job-1", 1, "r-1", "gen-2", IsForReference: false),
        ["create of the reference"] = new CloudRequest.Create("job-1", 1, null, "gen-2", IsForReference: true),
        ["commit"] = new CloudRequest.Commit("job-1", "r-1"),
        ["attest"] = new CloudRequest.Attest(),
        ["next job"] = new CloudRequest.NextJob(),
        ["describe"] = new CloudRequest.DescribeJob("job-1"),
        ["update"] = new CloudRequest.UpdateJob("job-1", 1, 1, JobStatus.InProgress, ImmutableSortedDictionary<string, string>.Empty),
    };

    [Theory]
    [InlineData("create", "15 30 60 120 240 300 300")]
    [InlineData("create of the reference", "130 260 520 600 600")]
    [InlineData("commit", "15 30 60 120 240 300 300")]
    [InlineData("attest", "60 120 240 480 960 1920 3840 7680 15360 30720 61440 86400 86400")]
    [InlineData("next job", "5 10 20 40 80 120 120")]
    [InlineData("describe", "5 10 20 40 80 120 120")]
    [InlineData("update", "5 10 20 40 80 120 120")]
    public void Each_pause_is_twice_the_one_before_up_to_the_longest(string request, string seconds) =>
        Assert.Equal(
            seconds.Split(' ').Select(s => TimeSpan.FromSeconds(int.Parse(s, System.Globalization.CultureInfo.InvariantCulture))),
            Enumerable.Range(1, seconds.Split(' ').Length).Select(sent => RetryPolicy.Pause(Requests[request], sent, 0.5)));

    [Fact]
    public void A_quarter_less_or_more_is_by_chance_and_never_less_than_the_first()
    {
        Assert.Equal(TimeSpan.FromSeconds(45), RetryPolicy.Pause(Requests["create"], 3, 0));
        Assert.Equal(TimeSpan.FromSeconds(75), RetryPolicy.Pause(Requests["create"], 3, 1));
        Assert.Equal(TimeSpan.FromSeconds(375), RetryPolicy.Pause(Requests["create"], 99, 1));
        // The reference's backend must be done with one before it hears the next.
        Assert.Equal(TimeSpan.FromSeconds(130), RetryPolicy.Pause(Requests["create of the reference"], 1, 0));
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(int.MaxValue)]
    public void However_often_it_was_said_it_is_said_again(int sent) =>
        Assert.Equal(TimeSpan.FromDays(1), RetryPolicy.Pause(Requests["attest"], sent, 0.5));
}
