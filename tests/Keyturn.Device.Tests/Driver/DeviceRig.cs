using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Driver;

/// <summary>The real driver, journal and file store on a temporary directory, under a nucleus that can be restarted and a clock that can be moved.</summary>
internal sealed class DeviceRig : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CertificateAuthority _ca = new();
    private readonly StringWriter _log = new();
    private CancellationTokenSource _life = new();
    private Task _run = Task.CompletedTask;
    private int _session, _restarted;
    private bool _isStopped = true;

    public DeviceRig(FakeBackend? backend = null, IFileSystem? files = null, DateTimeOffset? clock = null)
    {
        Backend = backend ?? new FakeBackend();
        Files = files ?? new PosixFileSystem();
        Time = new FakeTimeProvider(clock ?? CertificateAuthority.Now);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (OldKey, OldCertificate) = _ca.Issue(key);
        File.WriteAllText(KeyPath, OldKey);
        File.WriteAllText(CertificatePath, OldCertificate);
        File.SetUnixFileMode(KeyPath, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        new StateDirectories(Root).Ensure(Files);
        Backend.Principal = () => CertificateId;
    }

    public FakeBackend Backend { get; }

    public IFileSystem Files { get; }

    public FakeTimeProvider Time { get; }

    public ICredentialProbe Probe { get; set; } = new NoProbe();

    /// <summary>In place of the files.</summary>
    public ICredentialStore? OtherStore { get; init; }

    public string Root => _directory.Path;

    public string KeyPath => _directory.Combine("private.pem.key");

    public string CertificatePath => _directory.Combine("device.pem.crt");

    public string OldKey { get; }

    public string OldCertificate { get; }

    public RotationDriver Driver { get; private set; } = null!;

    public int Restarts { get; private set; }

    public Func<string?> RestartOutcome { get; set; } = () => null;

    public KeyOptions Options { get; set; } = new(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256);

    public Func<Task> CatchUp { get; set; } = () => Task.CompletedTask;

    public string Log
    {
        get
        {
            // The driver writes on another thread.
            lock (_log)
                return _log.ToString();
        }
    }

    public string CertificateId
    {
        get
        {
            using var certificate = X509Certificate2.CreateFromPem(File.ReadAllText(CertificatePath));
            return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
        }
    }

    public bool HoldsMatchingPair
    {
        get
        {
            using var pair = X509Certificate2.CreateFromPem(File.ReadAllText(CertificatePath), File.ReadAllText(KeyPath));
            return pair.HasPrivateKey;
        }
    }

    public string[] Generations => [.. Directory.EnumerateDirectories(new StateDirectories(Root).Credentials, "gen-*").Select(d => Path.GetFileName(d)).Order()];

    public void StartNucleus()
    {
        _session++;
        StartComponent();
    }

    public void StartComponent()
    {
        var directories = new StateDirectories(Root);
        var log = new RotationLog(_log, Time, FakeBackend.Thing);
        var journal = new Journal(Files, directories.Journal, "boot-1", Time);
        var store = OtherStore ?? new FileCredentialStore(Files, new CredentialPaths(KeyPath, CertificatePath), directories.Credentials);
        Driver = new RotationDriver(
            FakeBackend.Thing, "2.0.0", () => Options, new DriverPorts(journal, store, Backend, Probe, new RigNucleus(this, $"session-{_session}"), Time, new Random(1), log,
                CatchUp: _ => CatchUp()));
        Backend.Deliver += Driver.Receive;
        _life = new CancellationTokenSource();
        _run = Driver.RunAsync(_life.Token);
        _isStopped = false;
    }

    /// <summary>As SIGKILL does it: nothing more is written.</summary>
    public async Task StopAsync()
    {
        if (_isStopped)
            return;
        _isStopped = true;
        Backend.Deliver -= Driver.Receive;
        await _life.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_run.IsFaulted)
            throw new InvalidOperationException("the driver failed", _run.Exception);
        _life.Dispose();
    }

    public async Task RestartNucleusAsync()
    {
        await StopAsync();
        StartNucleus();
    }

    /// <summary>Lets the clock run, and restarts the nucleus when told to, until it is so.</summary>
    public async Task UntilAsync(Func<bool> condition, TimeSpan? step = null, string? what = null)
    {
        var patience = Stopwatch.StartNew();
        while (!condition())
        {
            if (_run.IsFaulted)
                await _run;
            if (patience.Elapsed > TimeSpan.FromMinutes(2))
                Assert.Fail($"waited in vain {what} in state {Driver.State}:{Environment.NewLine}{Log}");
            await Task.Delay(2);
            if (Restarts > _restarted)
            {
                _restarted = Restarts;
                await RestartNucleusAsync();
            }
            Time.Advance(step ?? TimeSpan.FromMilliseconds(200));
        }
    }

    public Task UntilRestAsync() => UntilAsync(() => Driver.State is RotationState.Idle { LastOutcome: not null });

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Backend.Dispose();
        _ca.Dispose();
        _directory.Dispose();
    }

    private sealed class RigNucleus(DeviceRig rig, string session) : INucleus
    {
        public string Session => session;

        public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

        public Task<string?> RestartAsync(CancellationToken cancellation)
        {
            var outcome = rig.RestartOutcome();
            if (outcome is null)
                rig.Restarts++;
            return Task.FromResult(outcome);
        }
    }
}
