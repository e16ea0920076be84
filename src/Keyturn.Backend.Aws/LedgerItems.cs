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

        if (rotation.JobEnd is { } end)
        {
            item["jobEnd"] = Text(end);
        }

        if (rotation.Nonce is { } nonce)
        {
            item["nonce"] = Text(nonce);
            item["nonceUntil"] = Time(rotation.NonceUntil);
        }

        if (rotation.Unrecorded is { } window)
        {
            item["unrecordedFrom"] = Time(window.From);
            item["unrecordedTo"] = Time(window.To);
        }

        if (rotation.LoserKeptUntil is { } kept)
        {
            item["loserKeptUntil"] = Time(kept);
        }

        return rotation.IsOpen ? Due(item, DueKind.OpenRotation, rotation.DueAt) : item;
    }

    public static Item Write(HeardDevice device)
    {
        var item = new Item
        {
            ["at"] = Time(device.At),
            ["certificateId"] = Text(device.CertificateId),
            ["component"] = Text(device.Component),
            ["keyStore"] = Text(device.KeyStore),
            ["notAfter"] = Number(device.NotAfter),
            ["silent"] = new() { BOOL = device.IsSilent },
        };
        return device.IsSilent ? item : Due(item, DueKind.Heard, device.At);
    }

    public static HeardDevice ReadHeard(Item item) => new(
        item["thing"].S, Time(item["at"]), item["certificateId"].S, item["component"].S, item["keyStore"].S, Number(item["notAfter"]),
        item["silent"].BOOL == true);

    public static string NameOf(DueKind kind) => kind == DueKind.OpenRotation ? "open" : "heard";

    /// <summary>The index's and the table's key of a page's last item; names of things and times hold no bar.</summary>
    public static string WriteCursor(Item last) => $"{last["sweep"].S}|{last["sweepAt"].S}|{last["thing"].S}|{last["item"].S}";

    public static Item? ReadCursor(string cursor) => cursor.Split('|') is [var sweep, var at, var thing, var item]
        ? new Item { ["sweep"] = Text(sweep), ["sweepAt"] = Text(at), ["thing"] = Text(thing), ["item"] = Text(item) }
        : null;

    private static Item Due(Item item, DueKind kind, DateTimeOffset at)
    {
        item["sweep"] = Text(NameOf(kind));
        item["sweepAt"] = Time(at);
        return item;
    }

    public static Item Write(RecordedRefusal refusal)
    {
        var item = new Item
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
        if (refusal.JobEnd is { } end)
        {
            item["jobEnd"] = Text(end);
        }

        return item;
    }

    /// <summary>
    /// Attributes that a version before this one did not write may be absent. A record that is otherwise than any version wrote it is an
    /// error of the ledger, not a crash: nothing is concluded from it.
    /// </summary>
    public static T Read<T>(Item item, Func<Item, T> read)
    {
        try
        {
            return read(item);
        }
        catch (Exception exception) when (exception is KeyNotFoundException or FormatException or OverflowException or ArgumentException or NullReferenceException)
        {
            throw new DependencyException("dynamodb", "Query", "Unreadable",
                $"The ledger holds a record of {item.GetValueOrDefault("thing")?.S} that can't be read: {item.GetValueOrDefault("item")?.S}", exception);
        }
    }

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
        JobEnd = item.GetValueOrDefault("jobEnd")?.S,
        Nonce = item.GetValueOrDefault("nonce")?.S,
        NonceUntil = item.TryGetValue("nonceUntil", out var until) ? Time(until) : default,
        Unrecorded = item.TryGetValue("unrecordedFrom", out var from) ? new UnrecordedWindow(Time(from), Time(item["unrecordedTo"])) : null,
        LoserKeptUntil = item.TryGetValue("loserKeptUntil", out var kept) ? Time(kept) : null,
        Trail = [.. (item["trail"].L ?? []).Select(ReadTransition)],
        Version = (int)Number(item["version"]),
    };

    public static RecordedRefusal ReadRefusal(Item item) => new(
        item["thing"].S, item["rotationId"].S, item["jobId"].S, Number(item["queuedAt"]), Number(item["executionNumber"]),
        item["code"].S, item["reason"].S, item["toDo"].S, item["principal"].S, Time(item["at"]),
        item.GetValueOrDefault("jobEnd")?.S);

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

    /// <summary>Sorts as text in the order of time.</summary>
    public static AttributeValue Time(DateTimeOffset at) => Text(at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));

    private static DateTimeOffset Time(AttributeValue value) =>
        DateTimeOffset.Parse(value.S, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    private static long Number(AttributeValue value) => long.Parse(value.N, CultureInfo.InvariantCulture);
}
