using Keyturn.Device.Credentials.Pkcs11;
using Keyturn.Device.Tests.Credentials;
using Keyturn.Device.Tests.Tokens;

namespace Keyturn.Device.Tests.Driver;

/// <summary>Whole jobs over a token: what the operator reads.</summary>
[Collection(OneTokenAtATime.Name)]
public sealed class TokenJobTests
{
    [Fact]
    public async Task A_job_rotates_a_key_in_a_token()
    {
        using var token = SoftHsm.WithCredential();
        await using var rig = new DeviceRig { OtherStore = token.Store() };
        var old = rig.OtherStore.Inspect().CertificateId;
        rig.Backend.Principal = () => rig.OtherStore.Inspect().CertificateId;
        rig.Backend.Queue("job-1");
        rig.StartNucleus();

        await rig.UntilRestAsync();

        Assert.True(rig.Backend.Job!["status"]!.GetValue<string>() == "SUCCEEDED", rig.Log);
        Assert.NotEqual(old, rig.Backend.Committed);
        Assert.Equal(rig.OtherStore.Inspect().CertificateId, rig.Backend.Committed);
        Assert.Equal(3, SecondOpinion.Objects(token).Length);
    }

    [Fact]
    public async Task A_wrong_PIN_fails_job_after_job_and_is_tried_once()
    {
        using var token = SoftHsm.WithCredential();
        var before = SecondOpinion.Objects(token);
        var logins = 0;
        var store = token.Store(
            real => new CryptokiProxy(real, (name, isAfter) =>
            {
                logins += name == "Login" && !isAfter ? 1 : 0;
                return null;
            }),
            new Pkcs11Options(token.Library, token.Slot, "wrong-one"));
        await using var rig = new DeviceRig { OtherStore = store };
        rig.StartNucleus();
        foreach (var job in (string[])["job-1", "job-2"])
        {
            rig.Backend.Queue(job);
            rig.Backend.Notify();
            await rig.UntilAsync(() => rig.Backend.Job!["status"]!.GetValue<string>() == "FAILED");
            Assert.Contains("refuses the PIN", rig.Backend.Job!["statusDetails"]!["reason"]!.GetValue<string>(), StringComparison.Ordinal);
        }
        Assert.Equal(1, logins);
        Assert.Equal(before, SecondOpinion.Objects(token));
        Assert.DoesNotContain("wrong-one", rig.Log, StringComparison.Ordinal);
    }
}
