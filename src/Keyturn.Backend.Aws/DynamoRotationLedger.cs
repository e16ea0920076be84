using Amazon.DynamoDBv2;
using Amazon.DynamoDBv2.Model;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

/// <summary>
/// One table. Under a thing's name: <c>active</c>, <c>heard</c>, <c>rotation#…</c>, <c>refusal#…</c>, <c>notice#…</c>. Under names that no
/// thing can have: <c>key#…</c>, the rotation that used this public key, forever; <c>sweep#</c>, where the sweep stopped. The sparse index
/// <c>sweep</c> holds what the sweep has to look at, by time.
/// </summary>
/// <param name="retention">After it, the records of what is over expire; null: never. Open rotations and key hashes never do.</param>
public sealed class DynamoRotationLedger(IAmazonDynamoDB dynamo, string table, TimeSpan? retention, TimeProvider clock) : IRotationLedger
{
    private const string SweepIndex = "sweep";
    private const string SweepState = "sweep#";
    private const string Heard = "heard";
    private const string Active = "active";
    private const string RotationPrefix = "rotation#";
    private const string RefusalPrefix = "refusal#";
    private const string NoticePrefix = "notice#";
    private const string ConditionFailed = "ConditionalCheckFailedException";

    public static IAmazonDynamoDB CreateClient() => new AmazonDynamoDBClient(new AmazonDynamoDBConfig().Paced());

    public async Task<ThingLedger> ReadAsync(string thing, CancellationToken cancellation)
    {
        string? active = null;
        List<Rotation> rotations = [];
        List<RecordedRefusal> refusals = [];
        HeardDevice? heard = null;
        Dictionary<string, AttributeValue>? start = null;
        do
        {
            var page = await CallAsync("Query", () => dynamo.QueryAsync(
                new QueryRequest
                {
                    TableName = table,
                    ConsistentRead = true,
                    KeyConditionExpression = "thing = :thing",
                    ExpressionAttributeValues = new() { [":thing"] = LedgerItems.Text(thing) },
                    ExclusiveStartKey = start,
                },
                cancellation));
            foreach (var item in page.Items ?? [])
            {
                var name = item["item"].S;
                if (name == Active)
                {
                    active = item["rotationId"].S;
                }
                else if (name == Heard)
                {
                    heard = LedgerItems.Read(item, LedgerItems.ReadHeard);
                }
                else if (name.StartsWith(RotationPrefix, StringComparison.Ordinal))
                {
                    rotations.Add(LedgerItems.Read(item, LedgerItems.ReadRotation));
                }
                else if (name.StartsWith(RefusalPrefix, StringComparison.Ordinal))
                {
                    refusals.Add(LedgerItems.Read(item, LedgerItems.ReadRefusal));
                }
            }

            start = page.LastEvaluatedKey;
        }
        while (start is { Count: > 0 });
        return new ThingLedger(active, rotations, refusals, heard);
    }

    public async Task<OpenOutcome> OpenAsync(Rotation rotation, string? superseded, CancellationToken cancellation)
    {
        var request = new TransactWriteItemsRequest
        {
            TransactItems =
            [
                new() { Put = New($"key#{rotation.KeyHash}", "key", OfKey(rotation)) },
                new() { Put = New(rotation.Thing, RotationPrefix + rotation.RotationId, LedgerItems.Write(rotation)) },
                new() { Put = ActiveAfter(rotation.Thing, rotation.RotationId, superseded) },
            ],
        };
        try
        {
            await CallAsync("TransactWriteItems", () => dynamo.TransactWriteItemsAsync(request, cancellation));
            return OpenOutcome.Opened;
        }
        catch (DependencyException exception) when (OutcomeOf(exception) is { } outcome)
        {
            return outcome;
        }
    }

    public Task<bool> TryCloseUnopenedAsync(string thing, string? superseded, string jobEnd, CancellationToken cancellation)
    {
        var put = ActiveAfter(thing, jobEnd, superseded);
        return TryPutAsync(
            new PutItemRequest
            {
                TableName = put.TableName,
                Item = put.Item,
                ConditionExpression = put.ConditionExpression,
                ExpressionAttributeValues = put.ExpressionAttributeValues,
            },
            cancellation);
    }

    public async Task<Rotation?> TryUpdateAsync(Rotation rotation, CancellationToken cancellation)
    {
        var next = rotation with { Version = rotation.Version + 1 };
        var put = new PutItemRequest
        {
            TableName = table,
            Item = next.IsOpen
                ? Keyed(rotation.Thing, RotationPrefix + rotation.RotationId, LedgerItems.Write(next))
                : Expiring(rotation.Thing, RotationPrefix + rotation.RotationId, LedgerItems.Write(next)),
            ConditionExpression = "version = :version",
            ExpressionAttributeValues = new() { [":version"] = LedgerItems.Number(rotation.Version) },
        };
        return await TryPutAsync(put, cancellation) ? next : null;
    }

    public Task RecordRefusalAsync(RecordedRefusal refusal, CancellationToken cancellation) =>
        CallAsync("PutItem", () => dynamo.PutItemAsync(
            new PutItemRequest
            {
                TableName = table,
                Item = Expiring(refusal.Thing, RefusalPrefix + refusal.RotationId, LedgerItems.Write(refusal)),
            },
            cancellation));

    public async Task<NoticeClaim> TryClaimNoticeAsync(
        string thing, string noticeId, DateTimeOffset now, DateTimeOffset until, CancellationToken cancellation)
    {
        var claim = Guid.NewGuid().ToString("N");
        try
        {
            await CallAsync("PutItem", () => dynamo.PutItemAsync(
                new PutItemRequest
                {
                    TableName = table,
                    Item = Expiring(thing, NoticePrefix + noticeId, new()
                    {
                        ["claim"] = LedgerItems.Text(claim),
                        ["claimedUntil"] = LedgerItems.Number(until.ToUnixTimeMilliseconds()),
                    }),
                    ConditionExpression = "attribute_not_exists(thing) OR claimedUntil < :now",
                    ExpressionAttributeValues = new() { [":now"] = LedgerItems.Number(now.ToUnixTimeMilliseconds()) },
                    ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure.ALL_OLD,
                },
                cancellation));
            return NoticeClaim.Granted;
        }
        catch (DependencyException exception) when (exception.InnerException is ConditionalCheckFailedException failed)
        {
            // Our own: the answer to it got lost, and the SDK has sent it again.
            return failed.Item?.GetValueOrDefault("claim")?.S == claim ? NoticeClaim.Granted
                : failed.Item?.ContainsKey("claimedUntil") == true ? NoticeClaim.Held
                : NoticeClaim.Sent;
        }
    }

    /// <summary>Without an end of the claim, it can't be taken again.</summary>
    public Task MarkNoticeSentAsync(string thing, string noticeId, CancellationToken cancellation) =>
        CallAsync("PutItem", () => dynamo.PutItemAsync(
            new PutItemRequest
            {
                TableName = table,
                Item = Expiring(thing, NoticePrefix + noticeId, new() { ["sent"] = new AttributeValue { BOOL = true } }),
            },
            cancellation));

    public Task RecordHeardAsync(HeardDevice device, CancellationToken cancellation) =>
        CallAsync("PutItem", () => dynamo.PutItemAsync(
            new PutItemRequest { TableName = table, Item = Keyed(device.Thing, Heard, LedgerItems.Write(device)) }, cancellation));

    public async Task<DuePage> ListDueAsync(DueKind kind, DateTimeOffset before, string? cursor, CancellationToken cancellation)
    {
        var page = await CallAsync("Query", () => dynamo.QueryAsync(
            new QueryRequest
            {
                TableName = table,
                IndexName = SweepIndex,
                KeyConditionExpression = "sweep = :kind AND sweepAt < :before",
                ExpressionAttributeValues = new()
                {
                    [":kind"] = LedgerItems.Text(LedgerItems.NameOf(kind)),
                    [":before"] = LedgerItems.Time(before),
                },
                ExclusiveStartKey = cursor is null ? null : LedgerItems.ReadCursor(cursor),
                Limit = 100,
            },
            cancellation));
        return new DuePage(
            [.. (page.Items ?? []).Select(i => i["thing"].S)],
            page.LastEvaluatedKey is { Count: > 0 } last ? LedgerItems.WriteCursor(last) : null);
    }

    public async Task<string?> ReadSweepCursorAsync(CancellationToken cancellation)
    {
        var state = await CallAsync("Query", () => dynamo.QueryAsync(
            new QueryRequest
            {
                TableName = table,
                ConsistentRead = true,
                KeyConditionExpression = "thing = :thing",
                ExpressionAttributeValues = new() { [":thing"] = LedgerItems.Text(SweepState) },
            },
            cancellation));
        return state.Items is [var item, ..] ? item.GetValueOrDefault("cursor")?.S : null;
    }

    public Task WriteSweepCursorAsync(string? cursor, CancellationToken cancellation) =>
        CallAsync("PutItem", () => dynamo.PutItemAsync(
            new PutItemRequest
            {
                TableName = table,
                Item = Keyed(SweepState, "state", cursor is null ? [] : new() { ["cursor"] = LedgerItems.Text(cursor) }),
            },
            cancellation));

    /// <summary>
    /// The reasons come in the order of the writes: key, rotation, active. Null when it was none of our conditions. A key that is there is
    /// another rotation's only if this rotation is not: a copy of this request may be writing both, the one a moment before the other.
    /// </summary>
    private static OpenOutcome? OutcomeOf(DependencyException exception) =>
        exception.InnerException is not TransactionCanceledException { CancellationReasons: { } reasons } ? null
        : reasons is [{ Code: "ConditionalCheckFailed" }, { Code: not ("ConditionalCheckFailed" or "TransactionConflict") }, ..] ? OpenOutcome.KeyReused
        : reasons.Any(r => r.Code is "ConditionalCheckFailed" or "TransactionConflict") ? OpenOutcome.Conflict
        : null;

    private static Task<T> CallAsync<T>(string operation, Func<Task<T>> call) => Services.CallAsync("dynamodb", operation, call);

    private async Task<bool> TryPutAsync(PutItemRequest put, CancellationToken cancellation)
    {
        try
        {
            await CallAsync("PutItem", () => dynamo.PutItemAsync(put, cancellation));
            return true;
        }
        catch (DependencyException exception) when (exception.Code == ConditionFailed)
        {
            return false;
        }
    }

    private Put New(string thing, string item, Dictionary<string, AttributeValue> attributes) =>
        new() { TableName = table, Item = Keyed(thing, item, attributes), ConditionExpression = "attribute_not_exists(thing)" };

    private Put ActiveAfter(string thing, string active, string? superseded)
    {
        var put = New(thing, Active, new() { ["rotationId"] = LedgerItems.Text(active) });
        if (superseded is not null)
        {
            put.ConditionExpression = "rotationId = :superseded";
            put.ExpressionAttributeValues = new() { [":superseded"] = LedgerItems.Text(superseded) };
        }

        return put;
    }

    private static Dictionary<string, AttributeValue> OfKey(Rotation rotation) => new()
    {
        ["usedBy"] = LedgerItems.Text(rotation.Thing),
        ["rotationId"] = LedgerItems.Text(rotation.RotationId),
    };

    /// <summary>DynamoDB removes it some time after that moment, by the table's time to live.</summary>
    private Dictionary<string, AttributeValue> Expiring(string thing, string item, Dictionary<string, AttributeValue> attributes)
    {
        if (retention is { } kept)
        {
            attributes["expiresAt"] = LedgerItems.Number((clock.GetUtcNow() + kept).ToUnixTimeSeconds());
        }

        return Keyed(thing, item, attributes);
    }

    private static Dictionary<string, AttributeValue> Keyed(string thing, string item, Dictionary<string, AttributeValue> attributes)
    {
        attributes["thing"] = LedgerItems.Text(thing);
        attributes["item"] = LedgerItems.Text(item);
        return attributes;
    }
}
