using System.Text.Json;

namespace Keyturn.Lambda;

/// <summary>
/// Some lines of the log are metrics as well, in CloudWatch's embedded metric format: no call, no quota, and the line beside the number says
/// which thing and rotation it was.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
/// </summary>
internal static class Metrics
{
    public const string Namespace = "AWSLabsCertificateRotator";

    /// <summary>Adds to the line what its event counts for, if anything.</summary>
    public static void Write(Utf8JsonWriter json, string? eventName, IReadOnlyList<KeyValuePair<string, object?>> members, DateTimeOffset now)
    {
        if (Count(eventName, member => members.FirstOrDefault(m => m.Key == member).Value) is not { } counted)
        {
            return;
        }

        var (name, dimension, seconds) = counted;
        json.WriteStartObject("_aws");
        json.WriteNumber("Timestamp", now.ToUnixTimeMilliseconds());
        json.WriteStartArray("CloudWatchMetrics");
        Declare(json, name, "Count", dimension?.Name);
        if (seconds is not null)
        {
            Declare(json, "Seconds", "Seconds", "Step");
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteNumber(name, 1);
        if (dimension is { } by)
        {
            json.WriteString(by.Name, by.Value);
        }

        if (seconds is { } value)
        {
            json.WriteString("Step", name);
            json.WriteNumber("Seconds", value);
        }
    }

    private static Counted? Count(string? eventName, Func<string, object?> member) => eventName switch
    {
        "Moved" => member("newState")?.ToString() switch
        {
            "Issuing" when member("oldState") is null => new Counted("Started"),
            "Issued" => new Counted("Issued", Seconds: (double)member("seconds")!),
            "Committed" => new Counted("Committed", Seconds: (double)member("seconds")!),
            "ClosedNew" or "ClosedOld" when member("cause")?.ToString() == "device" => new Counted("Reconciled", Seconds: (double)member("seconds")!),
            "ClosedNew" => new Counted("Closed", Seconds: (double)member("seconds")!),
            _ => null,
        },
        "OrphanRetired" => new Counted("Reconciled", Seconds: (double)member("seconds")!),
        "Notified" => new Counted(
            member("kind")?.ToString() == "RotationFailed" ? "Failed" : "Alarms", ("Reason", member("code")?.ToString() ?? "")),
        _ => null,
    };

    private static void Declare(Utf8JsonWriter json, string metric, string unit, string? dimension)
    {
        json.WriteStartObject();
        json.WriteString("Namespace", Namespace);
        json.WriteStartArray("Dimensions");
        json.WriteStartArray();
        if (dimension is not null)
        {
            json.WriteStringValue(dimension);
        }

        json.WriteEndArray();
        json.WriteEndArray();
        json.WriteStartArray("Metrics");
        json.WriteStartObject();
        json.WriteString("Name", metric);
        json.WriteString("Unit", unit);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <param name="Seconds">Since the step before; of a certificate that nobody recorded, since it was made.</param>
    private sealed record Counted(string Metric, (string Name, string Value)? Dimension = null, double? Seconds = null);
}
