using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.Contracts;
using Keyturn.Device.Cloud;
using Keyturn.Device.Rotation;

namespace Keyturn.Simulation;

/// <summary>Connections beside the nucleus's, as often and with the conclusions of the one over MQTT.</summary>
internal sealed class VirtualProbe(World world, VirtualDevice device) : ICredentialProbe
{
    private const int Rounds = 5;

    public async Task<RotationEvent.PreflightDone> PreflightAsync(CurrentRotation rotation, CancellationToken cancellation)
    {
        for (var round = 1; ; round++)
        {
            if (await TryAsync(rotation.New, rotation is { AnswersTokens: true, RotationId: not null } ? rotation : null, cancellation))
                return new(PreflightOutcome.Passed, null);
            if (!await TryAsync(rotation.Old, null, cancellation))
                return new(PreflightOutcome.Inconclusive, "neither was accepted");
            if (round == Rounds)
                return new(PreflightOutcome.Refused, "the old one is accepted");
            await Task.Delay(TimeSpan.FromSeconds(15 * round), world.Time, cancellation);
        }
    }

    public async Task<RotationEvent.Compared> CompareAsync(string old, string @new, CancellationToken cancellation)
    {
        var before = await ResultAsync(old);
        var middle = await ResultAsync(@new);
        var after = await ResultAsync(old);
        var isOffline = device.Principal is not { } principal || !world.Admits(principal);
        return new(before, middle, after, isOffline && (before, middle, after) == (ProbeResult.Failed, ProbeResult.Failed, ProbeResult.Failed));

        async Task<ProbeResult> ResultAsync(string credential) =>
            await TryAsync(credential, null, cancellation) ? ProbeResult.Accepted : ProbeResult.Failed;
    }

    private async Task<bool> TryAsync(string credential, CurrentRotation? verify, CancellationToken cancellation)
    {
        var faults = world.Reach("probe", PointKind.Probe);
        foreach (var kind in faults)
            world.Strike(kind);
        await Task.Delay(TimeSpan.FromMilliseconds(200), world.Time, cancellation);
        // No network, or refused: the device can't tell.
        if (faults.Contains(FaultKind.Drop) || faults.Contains(FaultKind.Refuse))
            return false;
        if (device.CertificateOf(credential) is not { } id)
            return false;
        return world.Admits(id) && (verify is null || await VerifyAsync(id, verify, cancellation));
    }

    private async Task<bool> VerifyAsync(string id, CurrentRotation rotation, CancellationToken cancellation)
    {
        var topic = Topics.Commit(World.Thing);
        var token = $"verify-{world.Points.Seen.Count}";
        string? code = null;
        void Hear(CloudMessage message)
        {
            var answer = JsonNode.Parse(message.Payload.Span)!.AsObject();
            if (answer["clientToken"]?.GetValue<string>() == token)
                code = message.Topic == Topics.Accepted(topic) ? "" : answer["code"]?.GetValue<string>() ?? "none";
        }
        device.Heard += Hear;
        try
        {
            var request = JsonSerializer.SerializeToUtf8Bytes(new CommitRequest(rotation.JobId, rotation.RotationId, token, Verify: true), ContractsJson.Default.CommitRequest);
            world.FromDevice(topic, request, id, World.Thing + "#preflight", world.Reach("verify", PointKind.Message));
            for (var waited = 0; code is null && waited < 100; waited++)
                await Task.Delay(TimeSpan.FromMilliseconds(100), world.Time, cancellation);
        }
        finally
        {
            device.Heard -= Hear;
        }
        return code != RefusalCode.WrongPrincipal;
    }
}
