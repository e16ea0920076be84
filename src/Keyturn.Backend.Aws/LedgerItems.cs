using System.Globalization;
using Amazon.DynamoDBv2.Model;
using Keyturn.Backend.Ports;
using Item = System.Collections.Generic.Dictionary<string, Amazon.DynamoDBv2.Model.AttributeValue>;

namespace Keyturn.Backend.Aws;

/// <summary>The ledger's records as items that a person reads in the console: names in full, times as ISO 8601 in UTC.</summary>
internal static class LedgerItems
{
    private static readonly (RotationState State, string Name)[] States =
    [
        (RotationState.Issuing, "ISSUING"), (RotationState.Abandoned, "ABANDONED"), (RotationState.Issued, "ISSUED"),
        (RotationState.Committed, "COMMITTED"), (RotationState.Reconcile, "RECONCILE"), (RotationState.Frozen, "FROZEN"),
        (RotationState.ClosedNew, "CLOSED_NEW"), (RotationState.ClosedOld, "CLOSED_OLD"),
    ];

    public static AttributeValue Text(string text) => new() { S = text };

    public static AttributeValue Number(long number) => new() { N = number.ToString(CultureInfo.InvariantCulture) };

    public static Item Write(Rotation rotation)
    {
        var item = new Item
        {
            ["rotationId"] = Text(rotation.RotationId),
            ["jobId"] = Text(rotation.JobId),
            ["queuedAt"] = Number(rotation.QueuedAt),
            ["executionNumber"] = Number(rotation.ExecutionNumber),
            ["state"] = Text(NameOf(rotation.State)),
            ["keyHash"] = Text(rotation.KeyHash),
            ["oldCertificateId"] = Text(rotation.Old.Id),
            ["oldCertificateArn"] = Text(rotation.Old.Arn),
            ["speaksTokens"] = new() { BOOL = rotation.SpeaksTokens },
            ["loserSettled"] = new() { BOOL = rotation.LoserSettled },
            ["trail"] = new() { L = [.. rotation.Trail.Select(Write)] },
            ["version"] = Number(rotation.Version),
        };
        if (rotation.New is { } created)
        {
            item["newCertificateId"] = Text(created.Id);
            item["newCertificateArn"] = Text(created.Arn);
        }

        if (rotation.NewPem is { } pem)
        {
            item["newCertificatePem"] = Text(pem);
        }

        if (rotation.LeaseUntil != default)
        {
            item["leaseUntil"] = Time(rotation.LeaseUntil);
        }

        if (rotation.JobEndedAt is { } ended)
        {
            item["jobEndedAt"] = Number(ended);
        }

        if (rotation.Nonce is { } nonce)
        {
            item["nonce"] = Text(nonce);
            item["nonceUntil"] = Time(rotation.NonceUntil);
        }

        return item;
    }

    public static Item Write(RecordedRefusal refusal) => new()
    {
        ["rotationId"] = Text(refusal.RotationId),
        ["jobId"] = Text(refusal.JobId),
        ["queuedAt"] = Number(refusal.QueuedAt),
        ["executionNumber"] = Number(refusal.ExecutionNumber),
        ["code"] = Text(refusal.Code),
        ["reason"] = Text(refusal.Reason),
        ["toDo"] = Text(refusal.ToDo),
        ["principal"] = Text(refusal.Principal),
        ["at"] = Time(refusal.At),
    };

    public static Rotation ReadRotation(Item item) => new()
    {
        Thing = item["thing"].S,
        RotationId = item["rotationId"].S,
        JobId = item["jobId"].S,
        QueuedAt = Number(item["queuedAt"]),
        ExecutionNumber = Number(item["executionNumber"]),
        State = StateOf(item["state"].S),
        KeyHash = item["keyHash"].S,
        Old = new Certificate(item["oldCertificateId"].S, item["oldCertificateArn"].S),
        New = item.TryGetValue("newCertificateId", out var id) ? new Certificate(id.S, item["newCertificateArn"].S) : null,
        NewPem = item.GetValueOrDefault("newCertificatePem")?.S,
        SpeaksTokens = item["speaksTokens"].BOOL == true,
        LoserSettled = item["loserSettled"].BOOL == true,
        LeaseUntil = item.TryGetValue("leaseUntil", out var lease) ? Time(lease) : default,
        JobEndedAt = item.TryGetValue("jobEndedAt", out var ended) ? Number(ended) : null,
        Nonce = item.GetValueOrDefault("nonce")?.S,
        NonceUntil = item.TryGetValue("nonceUntil", out var until) ? Time(until) : default,
        Trail = [.. (item["trail"].L ?? []).Select(ReadTransition)],
        Version = (int)Number(item["version"]),
    };

    public static RecordedRefusal ReadRefusal(Item item) => new(
        item["thing"].S, item["rotationId"].S, item["jobId"].S, Number(item["queuedAt"]), Number(item["executionNumber"]),
        item["code"].S, item["reason"].S, item["toDo"].S, item["principal"].S, Time(item["at"]));

    private static AttributeValue Write(Transition transition)
    {
        var item = new Item { ["state"] = Text(NameOf(transition.State)), ["at"] = Time(transition.At) };
        if (transition.Principal is { } principal)
        {
            item["principal"] = Text(principal);
        }

        return new AttributeValue { M = item };
    }

    private static Transition ReadTransition(AttributeValue value) =>
        new(StateOf(value.M["state"].S), Time(value.M["at"]), value.M.GetValueOrDefault("principal")?.S);

    private static string NameOf(RotationState state) => States.First(s => s.State == state).Name;

    private static RotationState StateOf(string name)
    {
        var known = States.Where(s => s.Name == name).ToArray();
        return known is [var (state, _)]
            ? state
            : throw new DependencyException("dynamodb", "Query", "Unreadable",
                $"The ledger holds a rotation in state {name}, which this version does not know: deploy the version that wrote it.");
    }

    private static AttributeValue Time(DateTimeOffset at) => Text(at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));

    private static DateTimeOffset Time(AttributeValue value) =>
        DateTimeOffset.Parse(value.S, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static long Number(AttributeValue value) => long.Parse(value.N, CultureInfo.InvariantCulture);
}
