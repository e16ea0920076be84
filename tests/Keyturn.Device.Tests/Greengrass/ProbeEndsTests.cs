using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>However slow the cloud is, a probe ends, and says what it found.</summary>
public sealed class ProbeEndsTests : IDisposable
{
    private readonly FakeBroker _broker = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _broker.Dispose();

    [Fact]
    public async Task A_subscription_that_is_never_confirmed_is_waited_for_so_long_and_no_longer()
    {
        _broker.Answers = packet =>
        {
            if (packet != MqttPacket.Subscribe)
                return true;
            _time.Advance(TimeSpan.FromSeconds(16));
            return false;
        };
        var found = await PreflightAsync();
        Assert.Equal(PreflightOutcome.Refused, found.Outcome);
        Assert.Contains("while the old one is accepted", found.Note, StringComparison.Ordinal);
        Assert.Equal(["new", "old"], _broker.Asked.Select(a => a.Credential));
    }

    [Fact]
    public async Task A_farewell_that_comes_late_undoes_no_finding()
    {
        var isAsked = false;
        _broker.Answers = packet =>
        {
            // Within its own limit, and with the wait for an answer beyond it.
            if (packet == MqttPacket.Connect)
                _time.Advance(TimeSpan.FromSeconds(8));
            isAsked |= packet == MqttPacket.Publish;
            return true;
        };
        var finding = PreflightAsync();
        while (!finding.IsCompleted)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
            if (Volatile.Read(ref isAsked))
                _time.Advance(TimeSpan.FromSeconds(1));
        }
        var found = await finding;
        Assert.Equal((PreflightOutcome.Passed, "tried beforehand: accepted by the cloud, the backend did not answer"), (found.Outcome, found.Note));
        Assert.Equal(["new"], _broker.Asked.Select(a => a.Credential));
    }

    private Task<RotationEvent.PreflightDone> PreflightAsync()
    {
        var rotation = new CurrentRotation("job-1", 1, 100, 1, "old", "new") { AnswersTokens = true, RotationId = "r-1" };
        var probe = new MqttProbe(
            "pump1", _broker.Store, _ => Task.FromResult<DataEndpoint?>(_broker.Endpoint), () => new PreflightOptions(PreflightMode.Auto, TimeSpan.Zero), () => false, _time,
            NullLogger.Instance);
        return probe.PreflightAsync(rotation, TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }
}
