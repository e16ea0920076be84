using System.Text.Json;
using Keyturn.Device.Credentials.Pkcs11;

namespace Keyturn.Device.Greengrass;

/// <summary>The PKCS#11 provider's configuration where no nucleus runs that could be asked: from <c>config/config.tlog</c>, which holds the PIN as well.</summary>
internal static class Pkcs11Log
{
    public static Pkcs11Options Read(string root)
    {
        var log = Path.Combine(root, "config", "config.tlog");
        var values = new Dictionary<string, (JsonElement Value, long At)>(StringComparer.Ordinal);
        if (File.Exists(log))
        {
            foreach (var line in File.ReadLines(log).Where(l => l.Contains(Pkcs11Options.Component, StringComparison.Ordinal)))
            {
                if (Entry(line) is var (key, value, at) && (!values.TryGetValue(key, out var known) || at >= known.At))
                    values[key] = (value, at);
            }
        }
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            foreach (var (key, (value, _)) in values)
            {
                writer.WritePropertyName(key);
                value.WriteTo(writer);
            }
            writer.WriteEndObject();
        }
        using var configuration = JsonDocument.Parse(buffer.ToArray());
        return Pkcs11Options.From(configuration.RootElement);
    }

    private static (string Key, JsonElement Value, long At)? Entry(string line)
    {
        try
        {
            using var entry = JsonDocument.Parse(line);
            var path = entry.RootElement.GetProperty("TP").EnumerateArray().Select(p => p.GetString()).ToArray();
            return path is ["services", Pkcs11Options.Component, "configuration", { } key] && entry.RootElement.TryGetProperty("V", out var value)
                ? (key, value.Clone(), entry.RootElement.GetProperty("TS").GetInt64())
                : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // The last line may be half written.
            return null;
        }
    }
}
