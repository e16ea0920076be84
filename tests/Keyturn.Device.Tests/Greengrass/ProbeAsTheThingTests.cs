using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Device.Tests.Greengrass;

/// <summary>Both credentials held against each other where the policy allows the thing's own client id alone.</summary>
public sealed class ProbeAsTheThingTests : IDisposable
{
    private readonly FakeBroker _broker = new();

    public void Dispose() => _broker.Dispose();

    [Fact]
    public async Task While_the_nucleus_has_no_session_the_things_own_id_tells_which_one_is_accepted()
    {
        _broker.Accepts = (credential, id) => credential == "old" && id == "pump1";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted), await CompareAsync(isOffline: true));
        Assert.Equal([("old", "pump1#preflight"), ("old", "pump1"), ("new", "pump1"), ("old", "pump1")], _broker.Asked);
    }

    [Fact]
    public async Task While_the_nucleus_has_one_its_id_is_left_alone_and_nothing_follows_from_a_refusal()
    {
        _broker.Accepts = (_, id) => id == "pump1";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: false));
        Assert.DoesNotContain(_broker.Asked, a => a.ClientId == "pump1");
    }

    [Fact]
    public async Task An_id_beside_the_nucleus_is_kept_to_where_it_is_allowed()
    {
        _broker.Accepts = (credential, _) => credential == "old";
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted), await CompareAsync(isOffline: true));
        Assert.DoesNotContain(_broker.Asked, a => a.ClientId == "pump1");
    }

    [Fact]
    public async Task Both_refused_with_the_things_own_id_leave_the_device_stranded()
    {
        _broker.Accepts = (_, _) => false;
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed, IsStranded: true), await CompareAsync(isOffline: true));
    }

    [Fact]
    public async Task An_endpoint_that_is_not_reached_or_not_known_leaves_nobody_stranded()
    {
        _broker.Stop();
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: true));
        Assert.Equal(new RotationEvent.Compared(ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed), await CompareAsync(isOffline: true, isKnown: false));
    }

    private Task<RotationEvent.Compared> CompareAsync(bool isOffline, bool isKnown = true)
    {
        var endpoint = isKnown ? _broker.Endpoint : null;
        var probe = new MqttProbe("pump1", _broker.Store, _ => Task.FromResult(endpoint), () => PreflightOptions.Default, () => isOffline, TimeProvider.System, NullLogger.Instance);
        return probe.CompareAsync("old", "new", TestContext.Current.CancellationToken);
    }
}
