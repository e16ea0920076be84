using System.Text.Json.Nodes;
using Keyturn.Contracts;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>A commit whose answer is lost and that the reference backend, which has forgotten the rotation by then, refuses the second time.</summary>
public sealed class KeptForADayTests : IDisposable
{
    private readonly VirtualRig _rig = new(new FakeBackend { IsReference = true }) { Probe = new NoProbe() };

    public KeptForADayTests()
    {
        var commits = 0;
        _rig.Backend.Queue("job-1");
        _rig.Backend.Loses = (topic, _) =>
        {
            if (!topic.EndsWith("/commit", StringComparison.Ordinal) || ++commits == 1)
                return false;
            _rig.Backend.Send(topic + "/rejected", new JsonObject { ["errorMsg"] = RefusalCode.ReferenceText });
            return true;
        };
        _rig.Backend.LosesAnswer = (topic, _) => topic.EndsWith("/commit", StringComparison.Ordinal);
        _rig.StartNucleus();
        _rig.RunFor(TimeSpan.FromHours(1), () => _rig.Driver.State is RotationState.Idle { LastOutcome: not null });
    }

    public void Dispose() => _rig.Dispose();

    [Fact]
    public void The_new_credential_stays_and_the_old_one_too()
    {
        Assert.Equal("SUCCEEDED", _rig.JobStatus);
        Assert.Contains("the old key is kept for a day", _rig.Detail("note"), StringComparison.Ordinal);
        Assert.NotEqual(_rig.Old, _rig.CertificateId);
        Assert.Equal(2, _rig.Credentials);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(19)]
    public void Until_a_day_has_gone_by_however_often_the_component_or_the_machine_is_started(int hoursBetween)
    {
        var (kept, start) = (TimeSpan.Zero, _rig.Time.Now);
        for (var i = 0; _rig.Credentials == 2 && i < 100; i++)
        {
            _rig.RunFor(TimeSpan.FromHours(hoursBetween == 0 ? 100 : hoursBetween) + TimeSpan.FromMinutes(10), () => _rig.Credentials < 2);
            kept = _rig.Time.Now - start;
            if (i % 2 == 0)
                _rig.StartNucleus();
            else
                _rig.StartComponent();
        }
        Assert.InRange(kept, TimeSpan.FromHours(24), TimeSpan.FromHours(25));
    }

    [Fact]
    public void And_beyond_it_as_long_as_the_cloud_does_not_answer()
    {
        _rig.Backend.Loses = (_, _) => true;
        _rig.RunFor(TimeSpan.FromDays(5));
        Assert.Equal(2, _rig.Credentials);

        _rig.Backend.Loses = (_, _) => false;
        _rig.RunFor(TimeSpan.FromHours(2));
        Assert.Equal(1, _rig.Credentials);
    }
}
