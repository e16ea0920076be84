using System.Text.Json.Serialization;
using Keyturn.Device.Rotation;

namespace Keyturn.Device.Storage;

/// <param name="Sequence">One higher with each entry: tells whether another process of ours has moved on.</param>
/// <param name="BootId">With <paramref name="Uptime"/>, a time that no clock adjustment can change.</param>
/// <param name="Uptime">Milliseconds on the monotonic clock of that boot.</param>
internal sealed record JournalEntry(long Sequence, string BootId, long Uptime, RotationState State);

[JsonSourceGenerationOptions(
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(JournalEntry))]
internal sealed partial class JournalJson : JsonSerializerContext;
