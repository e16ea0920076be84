using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Crash;
using Keyturn.Simulation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>The real driver, journal and file store on a simulated disk, under a clock on which weeks go by at once, on one thread.</summary>
internal sealed class VirtualRig : IDisposable
{
    private const string Root = "/greengrass/v2";
    private static readonly StateDirectories Directories = new(Root);

    private readonly Scenario _scenario;
    private readonly SimulatedFileSystem _disk;
    private readonly StringWriter _log = new();
    private readonly Dictionary<string, string> _ids = [];
    private CancellationTokenSource? _life;
    private Task _run = Task.CompletedTask;
    private int _session;

    public VirtualRig(FakeBackend? backend = null)
    {
        // A device that was never rotated: it does not know yet what its backend is like.
        _scenario = Scenario.All.Single(s => s.Name == "first rotation");
        _disk = new SimulatedFileSystem(_scenario.Disk);
        Directories.Ensure(_disk);
        Backend = backend ?? new FakeBackend();
        Old = CertificateId;
        Backend.Principal = () => CertificateId;
    }

    public FakeBackend Backend { get; }

    public required ICredentialProbe Probe { get; init; }

    public VirtualTime Time { get; } = new(CertificateAuthority.Now);

    public RotationDriver Driver { get; private set; } = null!;

    /// <summary>The certificate in use at first.</summary>
    public string Old { get; }

    public string Log => _log.ToString();

    /// <summary>When the nucleus was told to restart, and whether the old credential was in place then.</summary>
    public List<(TimeSpan At, bool IsOld)> Restarts { get; } = [];

    public string CertificateId
    {
        get
        {
            // Asked for at each message of weeks.
            var (certificate, key) = (_disk.Text(_scenario.CertificatePath), _disk.Text(_scenario.KeyPath));
            if (!_ids.TryGetValue(certificate + key, out var id))
            {
                using var pair = X509Certificate2.CreateFromPem(certificate, key);
                _ids[certificate + key] = id = pair.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
            }
            return id;
        }
    }

    public int Credentials => _disk.Names(Directories.Credentials).Count(n => n.StartsWith("gen-", StringComparison.Ordinal));

    public string JobStatus => Backend.Job!["status"]!.GetValue<string>();

    public string Detail(string name) => Backend.Job!["statusDetails"]![name]!.GetValue<string>();

    public void StartNucleus()
    {
        _session++;
        StartComponent();
    }

    public void StartComponent()
    {
        Stop();
        _life = new CancellationTokenSource();
        Driver = new RotationDriver(FakeBackend.Thing, "2.0.0", () => new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256), new DriverPorts(
            new Journal(_disk, Directories.Journal, "boot", Time), new FileCredentialStore(_disk, new CredentialPaths(_scenario.KeyPath, _scenario.CertificatePath), Directories.Credentials),
            Backend, Probe, new VirtualNucleus(this, $"session-{_session}"), Time, new Random(1), new RotationLog(_log, Time, FakeBackend.Thing), IsSingleThreaded: true));
        Backend.Deliver += Driver.Receive;
        _run = Driver.RunAsync(_life.Token);
    }

    public void RunFor(TimeSpan time, Func<bool>? until = null)
    {
        for (var end = Time.Now + time; Time.Now < end && until?.Invoke() != true;)
        {
            Time.RunUntil(Time.Now + TimeSpan.FromSeconds(10));
            if (_run.IsFaulted)
                throw _run.Exception;
        }
    }

    public void Dispose()
    {
        Stop();
        Backend.Dispose();
    }

    private void Stop()
    {
        if (_life is null)
            return;
        Backend.Deliver -= Driver.Receive;
        _life.Cancel();
        _life.Dispose();
        _life = null;
    }

    private sealed class VirtualNucleus(VirtualRig rig, string session) : INucleus
    {
        public string Session => session;

        public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

        public Task<string?> RestartAsync(CancellationToken cancellation)
        {
            rig.Restarts.Add((rig.Time.Now, rig.CertificateId == rig.Old));
            rig.Time.After(TimeSpan.FromSeconds(5), rig.StartNucleus);
            return Task.FromResult<string?>(null);
        }
    }
}
