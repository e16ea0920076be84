using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Jobs;

/// <summary>Job documents: JSON of at most 32 KB.</summary>
internal static class JobDocuments
{
    private const int MaxBytes = 32 * 1024;

    /// <summary>Null when the request has none.</summary>
    public static string? Read(JsonObject request)
    {
        if (request.Text("iot", "documentSource") is not null)
            throw RequestMembers.Invalid("documentSource names an object in S3, which this cloud does not read: send the document itself.");
        if (request.Text("iot", "document") is not { } document)
            return null;
        if (Encoding.UTF8.GetByteCount(document) > MaxBytes)
            throw RequestMembers.Invalid($"The job document is larger than {MaxBytes} bytes.");
        try
        {
            using var parsed = JsonDocument.Parse(document);
            return document;
        }
        catch (JsonException)
        {
            throw RequestMembers.Invalid("The job document is not valid JSON.");
        }
    }
}
