using System.Security.Cryptography;

namespace Keyturn.Device.Tests.Crash;

/// <summary>What is being rotated when the power goes, and what the cloud makes of it.</summary>
internal sealed record Scenario(string Name)
{
    private static readonly (string Key, string Certificate) Plain = MakePlain();

    /// <summary>What the nucleus finds before the rotation.</summary>
    public SimulatedFileSystem Disk { get; init; } = Installed("/greengrass/v2/private.key", "/greengrass/v2/device.crt");

    public string KeyPath { get; init; } = "/greengrass/v2/private.key";

    public string CertificatePath { get; init; } = "/greengrass/v2/device.crt";

    /// <summary>Finally: the backend stays with the old certificate.</summary>
    public bool IsCommitRefused { get; init; }

    public bool IsCreateRefused { get; init; }

    /// <summary>Beforehand all is well; then the cloud hears nothing said over the new certificate.</summary>
    public bool IsNewDeaf { get; init; }

    /// <summary>So long after the switch the cloud hears nothing over either credential, and the old one alone afterwards.</summary>
    public TimeSpan BothDeaf { get; init; }

    /// <summary>As the recovery unit does: the technician's <c>recover</c> before each start of the nucleus.</summary>
    public bool RecoversAtBoot { get; init; }

    /// <summary>Key and certificate are switched one after the other: in between only recovery gives a pair.</summary>
    public bool IsTwoFiles => Disk.Mounts.Count > 0 || Disk.HasNoLinks;

    public bool EndsWithNew => !IsCommitRefused && !IsCreateRefused && !IsNewDeaf && BothDeaf == default;

    public static IReadOnlyList<Scenario> All { get; } = Make();

    private static Scenario[] Make()
    {
        var first = new Scenario("first rotation");
        var adopted = first with { Name = "next rotation", Disk = CrashSimulation.AfterOne(first) };
        var apart = first with
        {
            Name = "first rotation, files apart", KeyPath = "/etc/private/key.pem", CertificatePath = "/etc/certs/cert.pem",
            Disk = Installed("/etc/private/key.pem", "/etc/certs/cert.pem"),
        };
        var noLinks = first with { Name = "no links, first rotation", Disk = new SimulatedFileSystem(first.Disk) { HasNoLinks = true } };
        var mounted = first with { Name = "mounted files, first rotation", Disk = new SimulatedFileSystem(first.Disk) { Mounts = [first.KeyPath, first.CertificatePath] } };
        var oneMounted = apart with { Name = "mounted certificate, first rotation", Disk = new SimulatedFileSystem(apart.Disk) { Mounts = [apart.CertificatePath] } };
        return
        [
            first,
            adopted,
            apart,
            first with { Name = "commit refused", IsCommitRefused = true },
            adopted with { Name = "new one not heard", IsNewDeaf = true },
            adopted with { Name = "neither one heard for an hour", BothDeaf = TimeSpan.FromHours(1) },
            first with { Name = "create refused", IsCreateRefused = true },
            adopted with { Name = "next rotation, recovery at boot", RecoversAtBoot = true },
            first with { Name = "commit refused, recovery at boot", IsCommitRefused = true, RecoversAtBoot = true },
            noLinks,
            noLinks with { Name = "no links, next rotation, new one not heard, recovery at boot", Disk = CrashSimulation.AfterOne(noLinks), IsNewDeaf = true, RecoversAtBoot = true },
            noLinks with { Name = "no links, commit refused", IsCommitRefused = true },
            mounted with { Name = "mounted files, commit refused, recovery at boot", IsCommitRefused = true, RecoversAtBoot = true },
            oneMounted,
        ];
    }

    private static SimulatedFileSystem Installed(string keyPath, string certificatePath)
    {
        var disk = new SimulatedFileSystem();
        disk.Install("/greengrass/v2/config/config.tlog", "");
        disk.Install(keyPath, Plain.Key);
        disk.Install(certificatePath, Plain.Certificate);
        return disk;
    }

    private static (string, string) MakePlain()
    {
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return ca.Issue(key);
    }
}
