using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;
using Keyturn.Device;
using Keyturn.Device.Cloud;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Crash;

namespace Keyturn.Simulation;

/// <summary>A gateway: its disk, its nucleus, and in it the component as it is delivered.</summary>
internal sealed class VirtualDevice : ICloudChannel, INucleus, IDisposable
{
    private const string Root = "/greengrass/v2", KeyPath = Root + "/private.key", CertificatePath = Root + "/device.crt";
    private static readonly Fate AllKept = new("all kept", _ => true, 2), AllLost = new("all lost", _ => false, 0);

    private readonly World _world;
    private readonly SimulatedFileSystem _disk = new();
    private readonly TextWriter _log;
    private readonly RememberedFiles _contents = new();
    private FaultKind? _death;
    private CancellationTokenSource? _life;
    private RotationDriver? _driver;
    private int _boot;
    private (int At, string? InUse) _looked;

    public VirtualDevice(World world, string key, string certificate, TextWriter log)
    {
        (_world, _log) = (world, log);
        _disk.Install(KeyPath, key);
        _disk.Install(CertificatePath, certificate);
        _disk.PowerGoes = () =>
        {
            world.Watch();
            _death = world.Reach("disk", PointKind.Disk).Cast<FaultKind?>().FirstOrDefault();
            return _death is not null;
        };
    }

    public RotationState? State => _driver?.State;

    /// <summary>Another one for each connection that asks on its own.</summary>
    public event Action<CloudMessage>? Heard;

    /// <summary>The certificate that the nucleus connected with.</summary>
    public string? Principal { get; private set; }

    public bool IsOpen { get; private set; }

    public string Session => $"session-{_boot}";

    public void Boot()
    {
        var boot = ++_boot;
        Principal = InUse;
        if (Principal is null)
            _world.Wrong("the nucleus finds no complete credential at its start");
        _world.Time.After(TimeSpan.FromSeconds(3), () => Start(boot));
    }

    /// <summary>The certificate that the nucleus would use, if key and certificate are there and fit.</summary>
    public string? InUse
    {
        get
        {
            // Asked for at every instant, and another one only after a change.
            if (_looked.At != _disk.Changes)
                _looked = (_disk.Changes, Pair(KeyPath, CertificatePath));
            return _looked.InUse;
        }
    }

    /// <summary>Of a complete credential of the store.</summary>
    public string? CertificateOf(string credential)
    {
        var directory = $"{new StateDirectories(Root).Credentials}/{credential}";
        return Pair($"{directory}/key", $"{directory}/cert");
    }

    /// <summary>Some complete credential is on the disk that the cloud accepts.</summary>
    public bool HoldsAccepted()
    {
        if (InUse is { } current && _world.Accepts(current))
            return true;
        var credentials = new StateDirectories(Root).Credentials;
        return _disk.Names(credentials).Any(name =>
            name.StartsWith("gen-", StringComparison.Ordinal) && CertificateOf(name) is { } id && _world.Accepts(id));
    }

    public void Dispose()
    {
        _life?.Cancel();
        _life?.Dispose();
    }

    public void Strike(FaultKind kind)
    {
        if (kind is FaultKind.KillComponent or FaultKind.LosePower or FaultKind.RestartNucleus)
            _world.Time.After(TimeSpan.Zero, () => Die(kind, duringChange: false));
    }

    public void Deliver(CloudMessage message)
    {
        if (Principal is null || !_world.Admits(Principal))
            return;
        if (IsOpen)
            _driver!.Receive(message);
    }

    public void DeliverToProbes(CloudMessage message) => Heard?.Invoke(message);

    Task<bool> ICloudChannel.SendAsync(string topic, ReadOnlyMemory<byte> payload, CancellationToken cancellation)
    {
        var faults = _world.Reach(World.NameOf(topic), PointKind.Sent);
        foreach (var kind in faults)
            _world.Strike(kind);
        if (faults.Any(k => k is FaultKind.KillComponent or FaultKind.LosePower))
            throw new PowerLostException();
        _world.FromDevice(topic, payload, Principal!, World.Thing, faults);
        return Task.FromResult(true);
    }

    void ICloudChannel.Reopen()
    {
        IsOpen = false;
        var life = _life;
        _world.Time.After(TimeSpan.FromSeconds(1), () =>
        {
            if (life == _life && life?.IsCancellationRequested == false)
                Open();
        });
    }

    Task INucleus.WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

    Task<string?> INucleus.RestartAsync(CancellationToken cancellation)
    {
        var faults = _world.Reach("restart", PointKind.Restart);
        foreach (var kind in faults)
            _world.Strike(kind);
        if (faults.Contains(FaultKind.Refuse))
            return Task.FromResult<string?>("simulated: it can't be told");
        if (!faults.Contains(FaultKind.Ignore))
            _world.Time.After(TimeSpan.FromSeconds(1), () => Die(FaultKind.RestartNucleus, duringChange: false));
        return Task.FromResult<string?>(null);
    }

    private void Start(int boot)
    {
        if (boot != _boot || _life is { IsCancellationRequested: false })
            return;
        var life = _life = new CancellationTokenSource();
        _ = LiveAsync();

        async Task LiveAsync()
        {
            try
            {
                var time = _world.Time;
                var directories = new StateDirectories(Root);
                directories.Ensure(_disk);
                var store = new FileCredentialStore(_disk, new CredentialPaths(KeyPath, CertificatePath), directories.Credentials, _contents);
                var log = new RotationLog(_log, time, World.Thing);
                var ports = new DriverPorts(
                    new Journal(_disk, directories.Journal, $"boot-{boot}", time), store, this, new VirtualProbe(_world, this), this, time,
                    new Random(_world.Schedule.Seed), log, IsSingleThreaded: true);
                _driver = new RotationDriver(
                    World.Thing, "2.0.0", () => new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256), ports);
                _world.Time.After(TimeSpan.FromSeconds(1), () =>
                {
                    if (!life.IsCancellationRequested)
                        Open();
                });
                await _driver.RunAsync(life.Token);
            }
            catch (OperationCanceledException) when (life.IsCancellationRequested)
            {
                // Killed.
            }
            catch (PowerLostException)
            {
                if (_death is { } kind)
                    _world.Time.After(TimeSpan.Zero, () => Die(kind, duringChange: true));
            }
            catch (Exception e)
            {
                _world.Wrong($"the component failed: {e}");
            }
        }
    }

    private void Open()
    {
        IsOpen = true;
        _driver!.ChannelOpened();
    }

    private void Die(FaultKind how, bool duringChange)
    {
        _death = null;
        IsOpen = false;
        _life?.Cancel();
        if (duringChange || how == FaultKind.LosePower)
            _disk.Crash(how == FaultKind.LosePower ? AllLost : AllKept);
        var boot = how == FaultKind.KillComponent ? _boot : ++_boot;
        var pause = how switch { FaultKind.KillComponent => 5, FaultKind.RestartNucleus => 10, _ => 60 };
        _world.Time.After(TimeSpan.FromSeconds(pause), () =>
        {
            if (boot != _boot)
                return;
            if (how == FaultKind.KillComponent)
                Start(boot);
            else
                Boot();
        });
    }

    private string? Pair(string keyPath, string certificatePath)
    {
        if (_disk.Content(keyPath) is not { } key || _disk.Content(certificatePath) is not { } certificate)
            return null;
        try
        {
            return _contents.ArePair(key, certificate) ? _contents.Describe(certificate).CertificateId : null;
        }
        catch (CredentialException)
        {
            return null;
        }
    }
}
