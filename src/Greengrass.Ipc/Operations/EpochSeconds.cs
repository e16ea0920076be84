using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Greengrass.Ipc.Operations;

/// <summary>A time as seconds since the Unix epoch, always with a fraction: nucleus lite takes a whole number for an error.</summary>
internal sealed class EpochSeconds : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        DateTimeOffset.UnixEpoch.AddSeconds(reader.GetDouble());

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteRawValue((value.ToUnixTimeMilliseconds() / 1000m).ToString("F3", CultureInfo.InvariantCulture));
}
