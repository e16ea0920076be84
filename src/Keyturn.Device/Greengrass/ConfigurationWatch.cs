using System.Text.Json;
using Greengrass.Ipc;
using Keyturn.Device.Credentials;
using Microsoft.Extensions.Logging;

namespace Keyturn.Device.Greengrass;

/// <summary>
/// The configuration in force, and the judge of the ones that deployments propose. A proposal changes nothing here: what counts is read when the
/// nucleus says that the configuration has changed.
/// </summary>
/// <param name="noEllipticFiles">Why this platform can't use EC keys, if it can't.</param>
internal sealed class ConfigurationWatch(string? noEllipticFiles, TimeProvider time, ILogger log)
{
    private const string SecretManager = "aws.greengrass.SecretManager";

    /// <summary>The nucleus waits for a verdict for 20 seconds.</summary>
    private static readonly TimeSpan VerdictTime = TimeSpan.FromSeconds(12);

    /// <summary>A deployment changes one key after the other.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(250);

    /// <summary>A rotation that begins waits so long to be told what it is made with.</summary>
    private static readonly TimeSpan CatchUpTime = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(1), LongestPause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private int _asked, _known;
    private long _changed;
    private volatile Verdict _verdict = new(null, "the configuration was not read yet");

    /// <exception cref="CredentialException">It can't be used.</exception>
    public ComponentSettings Settings => _verdict.Settings ?? throw new CredentialException($"the component's configuration can't be used: {_verdict.Problem}; deploy one that can, then start a new job");

    /// <summary>What is certainly usable: for limits that apply while the rest is wrong.</summary>
    public ComponentSettings SettingsOrDefault => _verdict.Settings ?? ComponentSettings.Default;

    /// <summary>Reads what is in force, on this connection or a new one.</summary>
    public async Task ReadAsync(GreengrassIpcClient client, CancellationToken cancellation)
    {
        var asked = Interlocked.Increment(ref _asked);
        var verdict = await JudgeAsync(client, await client.GetConfigurationAsync(cancellationToken: cancellation).ConfigureAwait(false), cancellation).ConfigureAwait(false);
        lock (_lock)
        {
            // The answer to a later question is known already: it is the newer one.
            if (asked < _known)
                return;
            var isFirst = _known == 0;
            _known = asked;
            if (verdict == _verdict)
                return;
            _verdict = verdict;
            // A component is started when its configuration is whole.
            if (!isFirst)
                _changed = time.GetTimestamp();
        }
        if (verdict.Settings is { } settings)
            Log.Configured(log, settings.Keys.KeyAlgorithm, settings.Keys.SigningAlgorithm, settings.Preflight.Mode);
        else
            Log.BadConfiguration(log, verdict.Problem!);
    }

    /// <summary>
    /// For a rotation that begins: a deployment that was over when its job was made counts for it, though nobody may have taken the change over yet. What
    /// the nucleus does not tell in time stays as it is known.
    /// </summary>
    public async Task CatchUpAsync(GreengrassIpcClient client, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(CatchUpTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            await ReadAsync(client, either.Token).ConfigureAwait(false);
            while (Settling - time.GetElapsedTime(Interlocked.Read(ref _changed)) is var rest && rest > TimeSpan.Zero)
            {
                await Task.Delay(rest, time, either.Token).ConfigureAwait(false);
                await ReadAsync(client, either.Token).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is TimeoutException or GreengrassIpcException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            Log.NotCaughtUp(log, e is OperationCanceledException ? "the nucleus does not answer" : e.Message);
        }
    }

    /// <summary>Answers proposals until the connection ends.</summary>
    public async Task JudgeProposalsAsync(GreengrassIpcClient client, IpcSubscription<ConfigurationProposal> proposals, CancellationToken cancellation)
    {
        await foreach (var proposal in proposals.WithCancellation(cancellation).ConfigureAwait(false))
        {
            var verdict = await JudgeInTimeAsync(client, proposal.Configuration, cancellation).ConfigureAwait(false);
            Log.Judged(log, proposal.DeploymentId, verdict.Problem ?? "accepted");
            var validity = verdict.Problem is null ? ConfigurationValidity.Accepted : ConfigurationValidity.Rejected;
            await TryAsync(() => client.SendConfigurationValidityReportAsync(proposal.DeploymentId, validity, verdict.Problem, cancellation)).ConfigureAwait(false);
        }
    }

    /// <summary>Takes over changes until the connection ends, beginning with what changed before anybody listened.</summary>
    public async Task FollowAsync(GreengrassIpcClient client, IpcSubscription<ConfigurationUpdate> changes, CancellationToken cancellation)
    {
        await ReadUntilKnownAsync(client, cancellation).ConfigureAwait(false);
        await foreach (var _ in changes.WithCancellation(cancellation).ConfigureAwait(false))
        {
            await Task.Delay(Settling, time, cancellation).ConfigureAwait(false);
            await ReadUntilKnownAsync(client, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>No other change may come for months: one that can't be read now is read later.</summary>
    private async Task ReadUntilKnownAsync(GreengrassIpcClient client, CancellationToken cancellation)
    {
        for (var pause = ShortestPause; !await TryAsync(() => ReadAsync(client, cancellation)).ConfigureAwait(false); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
            await Task.Delay(pause, time, cancellation).ConfigureAwait(false);
    }

    /// <summary>One call that fails ends neither the stream nor what is known.</summary>
    /// <returns>Whether it succeeded.</returns>
    private async Task<bool> TryAsync(Func<Task> call)
    {
        try
        {
            await call().ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IpcServiceException or TimeoutException)
        {
            Log.NotListening(log, e.Message);
            return false;
        }
    }

    private async Task<Verdict> JudgeInTimeAsync(GreengrassIpcClient client, JsonElement configuration, CancellationToken cancellation)
    {
        using var limit = new CancellationTokenSource(VerdictTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, limit.Token);
        try
        {
            return await JudgeAsync(client, configuration, either.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or IpcServiceException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            return new(null, "the nucleus did not say in time whether SecretManager, which needs RSA, is installed; deploy again");
        }
    }

    private async Task<Verdict> JudgeAsync(GreengrassIpcClient client, JsonElement configuration, CancellationToken cancellation)
    {
        var (settings, problem) = ComponentConfiguration.Read(configuration);
        if (settings is null || settings.Keys.KeyAlgorithm.IsRsa)
            return new(settings, problem);
        if (noEllipticFiles is not null)
            return new(null, $"keyAlgorithm {settings.Keys.KeyAlgorithm} can't be used: {noEllipticFiles}");
        return await IsInstalledAsync(client, SecretManager, cancellation).ConfigureAwait(false)
            ? new(null, $"keyAlgorithm {settings.Keys.KeyAlgorithm} can't be used: {SecretManager} is installed on this device and decrypts with RSA keys only")
            : new(settings, null);
    }

    private static async Task<bool> IsInstalledAsync(GreengrassIpcClient client, string component, CancellationToken cancellation)
    {
        try
        {
            await client.GetConfigurationAsync(component, cancellationToken: cancellation).ConfigureAwait(false);
            return true;
        }
        catch (IpcServiceException e) when (e.ErrorName == IpcErrorNames.ResourceNotFoundError)
        {
            return false;
        }
    }

    private sealed record Verdict(ComponentSettings? Settings, string? Problem);
}
