using Keyturn.Contracts;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Tests.Rotation;

public sealed class StatusDetailsTests
{
    [Fact]
    public void Every_status_is_read_as_it_is_written()
    {
        Assert.All(Enum.GetValues<JobStatus>(), s => Assert.Equal(s, StatusDetails.Parse(StatusDetails.NameOf(s))));
        Assert.Equal(8, Enum.GetValues<JobStatus>().Select(StatusDetails.NameOf).Distinct().Count());
        Assert.Throws<ArgumentOutOfRangeException>(() => StatusDetails.NameOf((JobStatus)99));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("queued")]
    [InlineData("QUEUEd")]
    [InlineData("FAILEx")]
    [InlineData("REMOVEx")]
    [InlineData("xEMOVED")]
    [InlineData("xANCELED")]
    [InlineData("xEJECTED")]
    [InlineData("xUCCEEDED")]
    [InlineData("xIMED_OUT")]
    [InlineData("xN_PROGRESS")]
    [InlineData("A_STATUS_OF_A_LATER_SERVICE")]
    public void Any_other_name_is_no_status(string? name) => Assert.Null(StatusDetails.Parse(name));

    [Fact]
    public void Values_are_printable_and_short_enough_and_empty_ones_are_left_out()
    {
        var details = StatusDetails.Of(
            "a step", new CurrentRotation("job-1", 1, 100, 2, "gen-1", "gen-2", RotationId: " \t", Note: "caf\u00e9\nor \u007fbar ~!"), new string('x', 700));
        Assert.Equal("true", details[StatusDetailKeys.CertificateRotator]);
        Assert.Equal("caf  or  bar ~!", details["note"]);
        Assert.Equal(500, details[StatusDetailKeys.Reason].Length);
        Assert.DoesNotContain(StatusDetailKeys.RotationId, details.Keys);
        Assert.DoesNotContain("certificateId", details.Keys);
    }

    [Fact]
    public void Algorithms_are_shown_by_the_names_that_the_configuration_uses()
    {
        Assert.All(SigningAlgorithm.All, a => Assert.Equal(a, SigningAlgorithm.Find(a.ToString())));
        Assert.All(KeyAlgorithm.All, a => Assert.Equal(a, KeyAlgorithm.Find(a.ToString())));
    }
}
