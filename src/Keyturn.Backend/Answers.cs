using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Keyturn.Backend.Ports;
using Keyturn.Contracts;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>What an invocation came to.</summary>
/// <param name="Code">The refusal's, when there was one.</param>
public sealed record Outcome(OutcomeKind Kind, string? Code = null)
{
    public static readonly Outcome Accepted = new(OutcomeKind.Accepted);
    public static readonly Outcome Silent = new(OutcomeKind.Silent);
}

public enum OutcomeKind
{
    Accepted,
    Refused,
    Silent,
}

/// <summary>Publishes the answer to a device's message beside the topic it came on.</summary>
internal sealed class Answers(IDeviceChannel channel, ILogger logger)
{
    public async Task<Outcome> AcceptAsync<T>(
        Sender sender, string? jobId, string? rotationId, T answer, JsonTypeInfo<T> json, CancellationToken cancellation)
    {
        await channel.PublishAsync(Topics.Accepted(sender.Topic), JsonSerializer.SerializeToUtf8Bytes(answer, json), cancellation);
        logger.Answered(sender.Thing, sender.Topic, jobId, rotationId);
        return Outcome.Accepted;
    }

    public async Task<Outcome> RefuseAsync(
        Sender sender, string? jobId, string? rotationId, Refusal refusal, CancellationToken cancellation)
    {
        logger.Refused(sender.Thing, sender.Topic, jobId, rotationId, sender.Principal, refusal.Code, refusal.Reason);
        await channel.PublishAsync(
            Topics.Rejected(sender.Topic),
            JsonSerializer.SerializeToUtf8Bytes(refusal.ToAnswer(sender.ClientToken, rotationId), ContractsJson.Default.Rejected),
            cancellation);
        return new Outcome(OutcomeKind.Refused, refusal.Code);
    }

    /// <summary>
    /// To somebody not known to be the thing. An answer without the token that was asked for would reach the thing itself, which
    /// may be waiting for one: it must not be told no because somebody else was.
    /// </summary>
    public async Task<Outcome> RefuseStrangerAsync(
        Sender sender, string? jobId, string? rotationId, Refusal refusal, CancellationToken cancellation)
    {
        if (sender.ClientToken is not null)
        {
            return await RefuseAsync(sender, jobId, rotationId, refusal, cancellation);
        }

        logger.StrangerIgnored(sender.Thing, sender.Topic, sender.Principal, refusal.Code, refusal.Reason);
        return new Outcome(OutcomeKind.Silent, refusal.Code);
    }
}
