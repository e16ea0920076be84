using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Crash;
using Keyturn.Simulation;

namespace Keyturn.Device.Tests.Driver;

/// <summary>
/// The real driver, journal and file store on a disk, simulated if no other is given, under a clock on which weeks go by at once. All on the caller's thread.
/// </summary>
internal sealed class VirtualRig : IDisposable
{
    private readonly string _root;
    private readonly StateDirectories _directories;
    private readonly CredentialPaths _paths;
    private readonly IFileSystem _disk;
    private readonly StringWriter _log = new();
    private readonly Dictionary<string, string> _ids = [];
    private CancellationTokenSource? _life;
    private Task _run = Task.CompletedTask;
    private int _session;

    public VirtualRig(FakeBackend? backend = null, string? root = null)
    {
        // A device that was never rotated: it does not know yet what its backend is like.
        var first = Scenario.All.Single(s => s.Name == "first rotation");
        _root = root ?? "/greengrass/v2";
        _directories = new StateDirectories(_root);
        _paths = new CredentialPaths(Path.Combine(_root, "private.key"), Path.Combine(_root, "device.crt"));
        _disk = root is null ? new SimulatedFileSystem(first.Disk) : new PosixFileSystem();
        if (root is not null)
        {
            File.WriteAllText(_paths.Key, first.Disk.Text(first.KeyPath));
            File.WriteAllText(_paths.Certificate, first.Disk.Text(first.CertificatePath));
        }
        _directories.Ensure(_disk);
        Backend = backend ?? new FakeBackend();
        Old = CertificateId;
        Backend.Principal = () => CertificateId;
    }

    public FakeBackend Backend { get; }

    public required ICredentialProbe Probe { get; init; }

    /// <summary>Nucleus lite: the driver goes on while what holds the connection is restarted.</summary>
    public bool IsLite { get; init; }

    /// <summary>systemd does not say which start of the daemon runs.</summary>
    public bool IsSilent { get; set; }

    /// <summary>What restarting comes to; nothing when it works.</summary>
    public string? RestartProblem { get; set; }

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
            var (certificate, key) = (Text(_paths.Certificate), Text(_paths.Key));
            if (!_ids.TryGetValue(certificate + key, out var id))
            {
                using var pair = X509Certificate2.CreateFromPem(certificate, key);
                _ids[certificate + key] = id = pair.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
            }
            return id;
        }
    }

    public int Credentials => _disk.Status(_directories.Credentials) is null ? 0 : _disk.List(_directories.Credentials).Count(n => n.StartsWith("gen-", StringComparison.Ordinal));

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
            new Journal(_disk, _directories.Journal, "boot", Time), new FileCredentialStore(_disk, _paths, _directories.Credentials),
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

    private string Text(string path) => Encoding.ASCII.GetString(_disk.Read(_disk.Resolve(path), 64 * 1024));

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
        public string Session => rig.IsSilent ? throw new IOException("systemd does not say") : rig.IsLite ? $"session-{rig._session}" : session;

        public bool IsOutlived => rig.IsLite;

        public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

        public Task<string?> RestartAsync(CancellationToken cancellation)
        {
            if (rig.RestartProblem is { } problem)
                return Task.FromResult<string?>(problem);
            rig.Restarts.Add((rig.Time.Now, rig.CertificateId == rig.Old));
            if (rig.IsLite)
            {
                rig._session++;
                return Task.FromResult<string?>(null);
            }
            rig.Time.After(TimeSpan.FromSeconds(5), rig.StartNucleus);
            return Task.FromResult<string?>(null);
        }
    }
}
