using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>The message that a statement is evaluated for.</summary>
/// <param name="ClientId">Null when it did not come over MQTT.</param>
/// <param name="Principal">Null when no principal sent it.</param>
internal sealed record SqlMessage(
    string Topic, ReadOnlyMemory<byte> Payload, string? ClientId, string? Principal, DateTimeOffset Received, string AccountId)
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 64 };

    /// <summary>The payload as JSON; Undefined when it is none.</summary>
    public SqlValue Json { get; } = ReadJson(Payload);

    public Guid TraceId { get; } = Guid.NewGuid();

    public static SqlValue ReadJson(ReadOnlyMemory<byte> payload)
    {
        try
        {
            var node = JsonNode.Parse(payload.Span, documentOptions: Options);
            // Names are looked up lazily: a doubled name, or half a surrogate pair, shows only when it is read.
            Touch(node);
            return SqlValue.Of(node);
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException)
        {
            return SqlValue.Undefined;
        }
    }

    private static void Touch(JsonNode? node)
    {
        switch (node)
        {
            case JsonObject members:
                foreach (var (_, value) in members)
                    Touch(value);
                break;
            case JsonArray items:
                foreach (var item in items)
                    Touch(item);
                break;
            case JsonValue value when value.GetValueKind() == JsonValueKind.String:
                _ = value.GetValue<string>();
                break;
        }
    }
}
