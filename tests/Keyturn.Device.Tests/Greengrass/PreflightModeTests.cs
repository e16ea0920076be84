using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>What the configuration makes of a try that can't be made: here the endpoint is not known.</summary>
public sealed class PreflightModeTests
{
    private static readonly CurrentRotation Rotation = new("job-1", 1, 100, 1, "gen-1", "gen-2");

    private readonly FakeTimeProvider _time = new();
    private int _asked;

    [Fact]
    public async Task Auto_goes_on_with_a_note_at_once()
    {
        var done = await Probe(PreflightMode.Auto).PreflightAsync(Rotation, TestContext.Current.CancellationToken);
        Assert.Equal((PreflightOutcome.Inconclusive, 1), (done.Outcome, _asked));
        Assert.Contains("endpoint is not known", done.Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Off_tries_nothing_and_says_so()
    {
        var done = await Probe(PreflightMode.Off).PreflightAsync(Rotation, TestContext.Current.CancellationToken);
        Assert.Equal((PreflightOutcome.Inconclusive, 0), (done.Outcome, _asked));
        Assert.Contains("the configuration says so", done.Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task On_tries_until_its_time_is_over_and_then_refuses()
    {
        var start = _time.GetTimestamp();
        var trying = Probe(PreflightMode.On).PreflightAsync(Rotation, TestContext.Current.CancellationToken);
        while (!trying.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        Assert.Equal(PreflightOutcome.Refused, (await trying).Outcome);
        Assert.InRange(_time.GetElapsedTime(start), TimeSpan.FromSeconds(60), TimeSpan.FromSeconds(150));
        Assert.InRange(_asked, 3, 6);
    }

    private MqttProbe Probe(PreflightMode mode) => new(
        "pump1", null!, Endpoint, () => new PreflightOptions(mode, TimeSpan.FromSeconds(150)), () => false, _time, NullLogger.Instance);

    private Task<DataEndpoint?> Endpoint(CancellationToken cancellation)
    {
        _asked++;
        return Task.FromResult<DataEndpoint?>(null);
    }
}
