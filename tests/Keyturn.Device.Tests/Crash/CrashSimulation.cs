using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;
using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Keyturn.Device.Technician;
using Keyturn.Device.Tests.Driver;
using Keyturn.Simulation;

namespace Keyturn.Device.Tests.Crash;

/// <summary>What strikes at one call of the product on its disk: the process dies there, with the power or alone, or the call fails.</summary>
/// <param name="Fate">What becomes of what is pending when the power goes.</param>
/// <param name="Error">What the call and those after it fail with; nothing if they don't.</param>
internal sealed record Blow(string Name, Fate? Fate = null, int Error = 0, int Times = 1)
{
    /// <summary>SIGKILL: the kernel, and with it what is pending, lives on, and so does the nucleus.</summary>
    public static readonly Blow Killed = new("killed");
}

internal readonly record struct Strike(int At, Blow Blow);

/// <summary>One rotation on a simulated disk, struck at given calls. Tells what was wrong at the end, or nothing.</summary>
internal sealed class CrashSimulation : IDisposable
{
    private const string Root = "/greengrass/v2";
    private static readonly StateDirectories Directories = new(Root);

    /// <summary>A device that is not at rest after two days will not come to rest.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromDays(2);

    /// <summary>What the nucleus makes of the contents of its two files: why they are no credential, or whose.</summary>
    [ThreadStatic]
    private static Dictionary<string, (string? Wrong, string Id)>? s_pairs;

    [ThreadStatic]
    private static Dictionary<string, string>? s_hashes;

    private readonly Scenario _scenario;
    private readonly CredentialFiles _contents;
    private readonly SimulatedFileSystem _disk;
    private readonly FakeBackend _backend = new(new RememberedAuthority().Sign) { RefusesSecondKey = true };
    private readonly VirtualTime _time = new(CertificateAuthority.Now);
    private readonly StringWriter _log = new();
    private readonly string _old;
    private string _principal = "";
    private TimeSpan? _switched;
    private int _session;

    /// <param name="contents">Keys, requests and certificates that other runs of this thread have made, unless others are to be made.</param>
    public CrashSimulation(Scenario scenario, SimulatedFileSystem? disk = null, CredentialFiles? contents = null)
    {
        (_scenario, _disk, _contents) = (scenario, disk ?? new SimulatedFileSystem(scenario.Disk), contents ?? new RememberedFiles());
        _old = Hash(Certificate());
        // A nucleus speaks with what it found when it started.
        _backend.Principal = Principal;
        _backend.Queue("job-1");
        _backend.Loses = (_, _) => Principal().Length == 0 || IsRefused(_principal);
        _backend.Override = (topic, m) =>
            scenario.IsCommitRefused && topic.EndsWith("/commit", StringComparison.Ordinal) ? Refusal(RefusalCode.ClosedInFavourOfOld)
            : scenario.IsCreateRefused && m.ContainsKey("csr") ? Refusal(RefusalCode.CsrRefused)
            : null;
    }

    /// <summary>What each life of the process asked of the disk, for those who want to strike at every call.</summary>
    public List<DiskCall[]> Lives { get; } = [];

    public string Log => _log.ToString();

    public string JobStatus => _backend.Job!["status"]!.GetValue<string>();

    /// <summary>Told the time now and then.</summary>
    public Action<TimeSpan> WhileItLasts { get; init; } = _ => { };

    /// <summary>The disk of a device that has been rotated once, with a key of its own: those that are struck must not make the same one again.</summary>
    public static SimulatedFileSystem AfterOne(Scenario scenario)
    {
        using var simulation = new CrashSimulation(scenario, contents: CredentialFiles.Default);
        return simulation.Run() is { } wrong ? throw new InvalidOperationException(wrong) : new SimulatedFileSystem(simulation._disk);
    }

    public string? Run(params Strike[] strikes)
    {
        for (var life = 0; ; life++)
        {
            var blow = life < strikes.Length ? strikes[life].Blow : null;
            if (blow?.Error > 0)
                _disk.Fails = (strikes[life].At, blow.Times, blow.Error);
            else if (blow is not null)
                _disk.PowerGoesAt = strikes[life].At;
            var isStruck = Live(startsNucleus: life == 0 || strikes[life - 1].Blow != Blow.Killed);
            Lives.Add([.. _disk.Calls]);
            if (!isStruck)
            {
                _disk.CountAnew();
                return Check(mayGiveUp: strikes.Any(s => s.Blow.Error > 0));
            }
            if (blow!.Fate is { } fate)
                _disk.Crash(fate);
            else
                _disk.CountAnew();
            if ((WhatRecoveryGives() ?? WhatTheJournalSays()) is { } wrong)
                return wrong;
            // Whoever only looked is not to be counted.
            _disk.CountAnew();
        }
    }

    public void Dispose() => _backend.Dispose();

    /// <summary>After the first switch, over the new credential or either one.</summary>
    private bool IsRefused(string principal)
    {
        if (_principal != _old)
            _switched ??= _time.Now;
        return _switched is { } at
            && ((principal != _old && (_scenario.IsNewDeaf || _scenario.BothDeaf != default)) || _time.Now - at < _scenario.BothDeaf);
    }

    private static (string, JsonObject) Refusal(string code) => ("/rejected", new JsonObject { ["errorMsg"] = "No.", ["code"] = code });

    /// <summary>From the start of the component until the rotation is over, or the process dies. Nuclei come and go as they are told to.</summary>
    private bool Live(bool startsNucleus)
    {
        while (true)
        {
            if (startsNucleus)
                StartNucleus();
            using var life = new CancellationTokenSource();
            var nucleus = new SimulatedNucleus($"session-{_session}");
            Task run;
            RotationDriver driver;
            try
            {
                Directories.Ensure(_disk);
                driver = new RotationDriver("pump1", "2.0.0", () => new KeyOptions(KeyAlgorithm.EcdsaP256, SigningAlgorithm.EcdsaWithSha256), new DriverPorts(
                    Journal(), Store(), _backend, new ForetoldProbe(this), nucleus, _time, new Random(1),
                    new RotationLog(_log, _time, "pump1"), IsSingleThreaded: true));
                _backend.Deliver += driver.Receive;
                run = driver.RunAsync(life.Token);
            }
            catch (PowerLostException)
            {
                return true;
            }
            catch (IOException)
            {
                // The component waits and tries again.
                startsNucleus = false;
                _time.RunUntil(_time.Now + TimeSpan.FromSeconds(30));
                WhileItLasts(_time.Now);
                continue;
            }
            while (!run.IsCompleted && !nucleus.WasTold && !IsOver(driver) && _time.Now < Patience)
            {
                _time.RunUntil(_time.Now + TimeSpan.FromSeconds(10));
                WhileItLasts(_time.Now);
            }
            if (!run.IsCompleted && !nucleus.WasTold)
                _time.RunUntil(_time.Now + TimeSpan.FromHours(25));
            _backend.Deliver -= driver.Receive;
            life.Cancel();
            if (run.IsFaulted)
                return run.Exception.InnerException is PowerLostException ? true : throw run.Exception.InnerException!;
            startsNucleus = true;
            if (!nucleus.WasTold)
                return IsOver(driver) ? false : throw new InvalidOperationException($"the rotation came to a standstill in {driver.State}\n{_log}");
        }
    }

    private void StartNucleus()
    {
        if (_scenario.RecoversAtBoot)
            Recover();
        _session++;
        _principal = "";
        _ = Principal();
    }

    /// <summary>A nucleus that finds no pair does not connect, looks again, and stays with the first one that it finds.</summary>
    private string Principal()
    {
        if (_principal.Length == 0 && WhatTheNucleusSees(_disk) is null)
            _principal = Hash(Certificate());
        return _principal;
    }

    /// <summary>What the recovery unit does. Whatever it can't do, the component has to.</summary>
    private void Recover()
    {
        try
        {
            if (_disk.Status(Directories.Top) is null)
                return;
            Directories.Ensure(_disk);
            using (Journal().Enter())
                new LocalRecovery(Journal().Load().State).Run(Store());
        }
        catch (Exception e) when (e is IOException or CredentialException or PowerLostException)
        {
            // When the power goes here it stays away: the component finds that out at its first call.
        }
    }

    private FileCredentialStore Store(IFileSystem? disk = null) =>
        new(disk ?? _disk, new CredentialPaths(_scenario.KeyPath, _scenario.CertificatePath), Directories.Credentials, _contents);

    private Journal Journal(IFileSystem? disk = null) => new(disk ?? _disk, Directories.Journal, "boot", _time);

    private bool IsOver(RotationDriver driver) =>
        driver.State is RotationState.Idle && _backend.Job!["status"]!.GetValue<string>() is "SUCCEEDED" or "FAILED" && _backend.Attested == Hash(Certificate());

    /// <summary>What the nucleus finds: with two files, after a recovery; with links at any instant.</summary>
    private string? WhatRecoveryGives()
    {
        if (!_scenario.IsTwoFiles)
            return WhatTheNucleusSees(_disk);
        var disk = _disk.AsSeen();
        try
        {
            if (disk.Has(Directories.Journal))
                new LocalRecovery(Journal(disk).Load().State).Run(Store(disk));
        }
        catch (Exception e) when (e is IOException or CredentialException or JournalUnreadableException)
        {
            return $"recovery fails: {e.Message}";
        }
        return WhatTheNucleusSees(disk);
    }

    private string? WhatTheNucleusSees(SimulatedFileSystem disk)
    {
        try
        {
            var (certificate, key) = (disk.Text(_scenario.CertificatePath), disk.Text(_scenario.KeyPath));
            var (wrong, id) = Remember(s_pairs ??= [], certificate + key, () => Pair(certificate, key));
            return wrong
                ?? (id == _old && _backend.OldIsRetired ? "the retired certificate is in use"
                : id != _old && !_backend.HasIssued(certificate) ? "a certificate that nobody issued is in use"
                : null);
        }
        catch (IOException e)
        {
            return $"no complete credential: {e.Message}";
        }
    }

    private static (string? Wrong, string Id) Pair(string certificate, string key)
    {
        try
        {
            using var pair = X509Certificate2.CreateFromPem(certificate, key);
            return (null, pair.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            return ($"no complete credential: {e.Message}", "");
        }
    }

    /// <summary>One of the table's states, and what it names is there: the old credential as long as it may be returned to, the new one's key.</summary>
    private string? WhatTheJournalSays()
    {
        try
        {
            if (!_disk.Has(Directories.Journal))
                return null;
            var state = Journal().Load().State;
            string[] needed = state switch
            {
                RotationState.Idle or RotationState.Aborting { Stage: AbortStage.Discard } => [],
                RotationState.Committed c => [c.Rotation.New],
                RotationState.Aborting a => [a.Rotation.Old],
                _ => [state.Current!.Old, state.Current.New],
            };
            return needed.FirstOrDefault(g => !_disk.Has($"{Directories.Credentials}/{g}/key")) is { } missing ? $"the journal says {state.GetType().Name} and {missing} is gone" : null;
        }
        catch (JournalUnreadableException e)
        {
            return e.Message;
        }
    }

    private string? Check(bool mayGiveUp)
    {
        if ((WhatTheNucleusSees(_disk) ?? WhatTheJournalSays()) is { } wrong)
            return wrong;
        var (status, isNew) = (_backend.Job!["status"]!.GetValue<string>(), Hash(Certificate()) != _old);
        var left = _disk.Names(Directories.Credentials).Count(n => n.StartsWith("gen-", StringComparison.Ordinal));
        return (status == "SUCCEEDED") != isNew ? $"the job is {status} and the {(isNew ? "new" : "old")} certificate in use"
            : isNew && _backend.Committed != Hash(Certificate()) ? "the certificate in use is not the one committed"
            : isNew != _scenario.EndsWithNew && !mayGiveUp ? $"the {(isNew ? "new" : "old")} certificate is in use at the end"
            : left > 1 ? $"{left} credentials are left"
            : !mayGiveUp && (_disk.Has(_scenario.KeyPath + ".keyturn") || _disk.Has(_scenario.CertificatePath + ".keyturn")) ? "a file that was to replace another is left"
            : null;
    }

    private string Certificate() => _disk.Text(_scenario.CertificatePath);

    private static T Remember<T>(Dictionary<string, T> known, string question, Func<T> answer)
    {
        if (!known.TryGetValue(question, out var remembered))
            known[question] = remembered = answer();
        return remembered;
    }

    private static string Hash(string pem) => Remember(s_hashes ??= [], pem, () =>
    {
        using var certificate = X509Certificate2.CreateFromPem(pem);
        return certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
    });

    private sealed class SimulatedNucleus(string session) : INucleus
    {
        public bool WasTold { get; private set; }

        public string Session => session;

        public Task WaitForNoDeploymentAsync(CancellationToken cancellation) => Task.CompletedTask;

        /// <summary>The component does not live to see the end of it.</summary>
        public async Task<string?> RestartAsync(CancellationToken cancellation)
        {
            WasTold = true;
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return null;
        }
    }

    /// <summary>Beforehand all is well; asked for evidence, the cloud takes the old credential, and the new one unless it has turned against it.</summary>
    private sealed class ForetoldProbe(CrashSimulation simulation) : Cloud.ICredentialProbe
    {
        public Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation) =>
            Task.FromResult(new RotationEvent.PreflightDone(PreflightOutcome.Passed, null));

        public Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation)
        {
            var (isOldRefused, isNewRefused) = (simulation.IsRefused(simulation._old), simulation._scenario.IsCommitRefused || simulation.IsRefused("new"));
            var (before, after) = (isOldRefused ? ProbeResult.Failed : ProbeResult.Accepted, isNewRefused ? ProbeResult.Failed : ProbeResult.Accepted);
            return Task.FromResult(new RotationEvent.Compared(before, after, before, isOldRefused && isNewRefused));
        }
    }
}
