using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Tests.Driver;

namespace Keyturn.Device.Tests.Crash;

/// <summary>One rotation on a simulated disk, during which the power goes at given changes. Tells what was wrong at the end, or nothing.</summary>
internal sealed class CrashSimulation : IDisposable
{
    private const string Root = "/greengrass/v2", KeyPath = Root + "/private.key", CertificatePath = Root + "/device.crt";
    private static readonly (string Key, string Certificate) Old = MakeOld();

    private readonly SimulatedFileSystem _disk;
    private readonly FakeBackend _backend = new() { RefusesSecondKey = true };
    private readonly HastyTime _time = new();
    private readonly StringWriter _log = new();
    private int _session;

    public CrashSimulation(SimulatedFileSystem disk, bool isRefused)
    {
        _disk = disk;
        disk.Install(KeyPath, Old.Key);
        disk.Install(CertificatePath, Old.Certificate);
        _backend.Principal = () => Hash(Certificate());
        _backend.Queue("job-1");
        if (isRefused)
        {
            _backend.Override = (topic, m) => topic.EndsWith("/commit", StringComparison.Ordinal)
                ? ("/rejected", new() { ["errorMsg"] = "The old certificate stays.", ["code"] = RefusalCode.ClosedInFavourOfOld })
                : null;
        }
    }

    /// <summary>Changes made by each life of the process, for those who want to strike at every one.</summary>
    public List<int> Lives { get; } = [];

    public int PendingAtCrash { get; private set; }

    public string Log => _log.ToString();

    /// <param name="strikes">For each life, at which change the power goes and what becomes of what is pending.</param>
    public async Task<string?> RunAsync(params (int At, Fate Fate)[] strikes)
    {
        for (var life = 0; ; life++)
        {
            _disk.PowerGoesAt = life < strikes.Length ? strikes[life].At : null;
            var struck = await LiveAsync();
            Lives.Add(_disk.Changes);
            if (!struck)
                return Check();
            PendingAtCrash = _disk.Pending;
            _disk.Crash(strikes[life].Fate);
            if (WhatTheNucleusSees() is { } wrong)
                return wrong;
        }
    }

    public void Dispose() => _backend.Dispose();

    /// <summary>From the start of the nucleus until the rotation is over, or the power goes.</summary>
    private async Task<bool> LiveAsync()
    {
        while (true)
        {
            _session++;
            using var life = new CancellationTokenSource();
            var nucleus = new SimulatedNucleus($"session-{_session}");
            RotationDriver driver;
            try
            {
                var directories = new StateDirectories(Root);
                directories.Ensure(_disk);
                var store = new FileCredentialStore(_disk, new CredentialPaths(KeyPath, CertificatePath), directories.Credentials);
                var ports = new DriverPorts(
                    new Journal(_disk, directories.Journal, "boot", _time), store, _backend, new OldOnlyProbe(), nucleus, _time, new Random(1), new RotationLog(_log, _time, "pump1"));
                driver = new RotationDriver("pump1", "2.0.0", () => new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256), ports);
            }
            catch (PowerLostException)
            {
                return true;
            }
            _backend.Deliver += driver.Receive;
            _time.Wake();
            var run = driver.RunAsync(life.Token);
            await Task.WhenAny(run, nucleus.Told, _time.AtRest).WaitAsync(TimeSpan.FromSeconds(30));
            _backend.Deliver -= driver.Receive;
            await life.CancelAsync();
            await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (run.IsFaulted)
                return run.Exception.InnerException is PowerLostException ? true : throw run.Exception;
            if (!nucleus.Told.IsCompleted)
                return IsOver(driver) ? false : throw new InvalidOperationException($"the rotation came to a standstill in {driver.State}\n{_log}");
        }
    }

    private bool IsOver(RotationDriver driver) =>
        driver.State is RotationState.Idle && _backend.Job!["status"]!.GetValue<string>() is "SUCCEEDED" or "FAILED" && _backend.Attested == Hash(Certificate());

    private string? WhatTheNucleusSees()
    {
        try
        {
            var certificate = Certificate();
            using var pair = X509Certificate2.CreateFromPem(certificate, Text(KeyPath));
            var id = Hash(certificate);
            return id == Hash(Old.Certificate) && _backend.OldIsRetired ? "the retired certificate is in use"
                : id != Hash(Old.Certificate) && !_backend.HasIssued(certificate) ? "a certificate that nobody issued is in use"
                : null;
        }
        catch (Exception e) when (e is IOException or CryptographicException or ArgumentException)
        {
            return $"no complete credential: {e.Message}";
        }
    }

    private string? Check()
    {
        if (WhatTheNucleusSees() is { } wrong)
            return wrong;
        var (status, isNew) = (_backend.Job!["status"]!.GetValue<string>(), Hash(Certificate()) != Hash(Old.Certificate));
        var left = _disk.List(new StateDirectories(Root).Credentials).Count(n => n.StartsWith("gen-", StringComparison.Ordinal));
        return (status == "SUCCEEDED") != isNew ? $"the job is {status} and the {(isNew ? "new" : "old")} certificate in use"
            : isNew && _backend.Committed != Hash(Certificate()) ? "the certificate in use is not the one committed"
            : left != 1 ? $"{left} credentials are left"
            : null;
    }

    private string Certificate() => Text(CertificatePath);

    private string Text(string path) => Encoding.ASCII.GetString(_disk.Read(_disk.Resolve(path), int.MaxValue));

    private static string Hash(string pem)
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    }

    private static (string, string) MakeOld()
    {
        using var ca = new CertificateAuthority();
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        return ca.Issue(key);
    }

    private sealed class SimulatedNucleus(string session) : INucleus
    {
        private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Told => _told.Task;

        public string Session => session;

        public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

        /// <summary>The component does not live to see the end of it.</summary>
        public async Task<string?> RestartAsync(CancellationToken cancellation)
        {
            _told.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        }
    }

    /// <summary>Beforehand all is well; asked for evidence, the cloud takes the old credential only.</summary>
    private sealed class OldOnlyProbe : Cloud.ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.Compared(ProbeResult.Accepted, ProbeResult.Failed, ProbeResult.Accepted));
    }
}
