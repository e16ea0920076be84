using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>The refusals of DynamoDB, worded as it words them.</summary>
internal static class DynamoDbErrors
{
    public static ApiException Validation(string message) => new(400, "ValidationException", message);

    public static ApiException Invalid(string message) => Validation($"One or more parameter values were invalid: {message}");

    public static ApiException Missing(string member) =>
        Validation($"1 validation error detected: Value null at '{char.ToLowerInvariant(member[0])}{member[1..]}' failed to satisfy constraint: Member must not be null");

    public static ApiException KeyMismatch() => Validation("The provided key element does not match the schema");

    public static ApiException NoTable(string detail = "") => new(400, "ResourceNotFoundException", "Requested resource not found" + detail);

    public static ApiException ConditionFailed(MapValue? item) => new(
        400, "ConditionalCheckFailedException", "The conditional request failed", item is null ? null : new JsonObject { ["Item"] = item.ToMembers() });

    public static ApiException Cancelled(IReadOnlyList<CancellationReason> reasons) => new(
        400, "TransactionCanceledException",
        $"Transaction cancelled, please refer cancellation reasons for specific reasons [{string.Join(", ", reasons.Select(r => r.Code))}]",
        new JsonObject { ["CancellationReasons"] = new JsonArray([.. reasons.Select(r => r.Show())]) });
}

/// <summary>Why an action of a transaction stood in its way; the code None when it did not.</summary>
internal sealed record CancellationReason(string Code, string? Message = null, MapValue? Item = null)
{
    public static CancellationReason None { get; } = new("None");

    public JsonNode Show()
    {
        var shown = new JsonObject { [nameof(Code)] = Code };
        if (Message is not null)
            shown[nameof(Message)] = Message;
        if (Item is not null)
            shown[nameof(Item)] = Item.ToMembers();
        return shown;
    }
}
