using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Keyturn.LocalCloud.Api;

/// <summary>Bytes of an answer, ready for the wire.</summary>
internal sealed record WireResponse(int Status, string? ContentType, ReadOnlyMemory<byte> Body, IReadOnlyDictionary<string, string> Headers);

/// <summary>Puts answers and errors into the form that each protocol has for them.</summary>
internal static class ResponseWriter
{
    public static WireResponse Write(ServiceDescription service, ApiOperation operation, ApiResponse response, string requestId)
    {
        var headers = new Dictionary<string, string>(response.Headers ?? new Dictionary<string, string>(), StringComparer.OrdinalIgnoreCase);
        Identify(headers, requestId);
        if (response.Raw is { } raw)
            return new(response.Status, response.ContentType ?? (raw.IsEmpty ? null : "application/octet-stream"), raw, headers);
        if (service.Protocol == ApiProtocol.Query)
            return new(response.Status, service.ContentType, Xml(service, operation.Name, response.Json as JsonObject, requestId), headers);
        return response.Json is null
            ? new(response.Status, null, ReadOnlyMemory<byte>.Empty, headers)
            : new(response.Status, response.ContentType ?? service.ContentType, Bytes(response.Json), headers);
    }

    public static WireResponse WriteError(ServiceDescription service, ApiException error, string requestId)
    {
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        Identify(headers, requestId);
        switch (service.Protocol)
        {
            case ApiProtocol.Query:
                XNamespace space = service.XmlNamespace!;
                var xml = new XElement(space + "ErrorResponse",
                    new XElement(space + "Error",
                        new XElement(space + "Type", error.Status >= 500 ? "Receiver" : "Sender"),
                        new XElement(space + "Code", service.Prefix == "sqs" ? Sqs.SqsErrors.QueryCode(error.Code) : error.Code),
                        new XElement(space + "Message", XmlText(error.Message))),
                    new XElement(space + "RequestId", requestId));
                return new(error.Status, service.ContentType, Encoding.UTF8.GetBytes(xml.ToString(SaveOptions.DisableFormatting)), headers);
            case ApiProtocol.AwsJson:
                var body = Members(error);
                var typeSpace = service.Prefix switch { "dynamodb" => DynamoDbNamespace(error.Code), "sqs" => "com.amazonaws.sqs#", _ => "" };
                if (service.Prefix == "sqs")
                    headers["x-amzn-query-error"] = Sqs.SqsErrors.QueryCode(error.Code) + ";Sender";
                body["__type"] = typeSpace + error.Code;
                // The model of TransactionCanceledException spells it with a capital, all the others without.
                body[error.Code == "TransactionCanceledException" ? "Message" : "message"] = error.Message;
                return new(error.Status, service.ContentType, Bytes(body), headers);
            case ApiProtocol.RestXml:
                var s3 = new XElement("Error",
                    new XElement("Code", error.Code), new XElement("Message", XmlText(error.Message)), new XElement("RequestId", requestId));
                return new(error.Status, service.ContentType, Encoding.UTF8.GetBytes(s3.ToString(SaveOptions.DisableFormatting)), headers);
            default:
                headers["x-amzn-ErrorType"] = error.Code;
                var json = Members(error);
                if (service.Prefix == "lambda")
                {
                    json["Type"] = error.Status >= 500 ? "Service" : "User";
                    json["Message"] = error.Message;
                }
                else
                {
                    json["message"] = error.Message;
                }

                return new(error.Status, "application/json", Bytes(json), headers);
        }
    }

    private static string DynamoDbNamespace(string code) => code is "SerializationException" or "UnknownOperationException"
        or "MissingAuthenticationTokenException" or "UnrecognizedClientException" or "InvalidSignatureException" or "IncompleteSignatureException"
        or "ValidationException" or "AccessDeniedException"
            ? "com.amazon.coral.service#"
            : "com.amazonaws.dynamodb.v20120810#";

    private static JsonObject Members(ApiException error) => error.Members?.DeepClone() as JsonObject ?? [];

    private static void Identify(Dictionary<string, string> headers, string requestId) =>
        headers["x-amzn-RequestId"] = requestId;

    private static readonly JsonSerializerOptions Deep = new() { MaxDepth = 256 };

    private static byte[] Bytes(JsonNode json) => JsonSerializer.SerializeToUtf8Bytes(json, Deep);

    private static byte[] Xml(ServiceDescription service, string operation, JsonObject? result, string requestId)
    {
        XNamespace space = service.XmlNamespace!;
        var root = new XElement(space + (operation + "Response"));
        if (result is not null)
            root.Add(new XElement(space + (operation + "Result"), Elements(space, result, service.FlatLists)));
        root.Add(new XElement(space + "ResponseMetadata", new XElement(space + "RequestId", requestId)));
        return Encoding.UTF8.GetBytes(root.ToString(SaveOptions.DisableFormatting));
    }

    /// <summary>Objects become elements, arrays <c>member</c> lists; an array named <c>entry</c> is a map, and flat.</summary>
    private static IEnumerable<XElement> Elements(XNamespace space, JsonObject json, bool flat)
    {
        foreach (var (name, value) in json)
        {
            switch (value)
            {
                case JsonArray entries when flat || name == "entry":
                    foreach (var entry in entries)
                        yield return new XElement(space + name, Content(space, entry, flat));
                    break;
                case JsonArray items:
                    yield return new XElement(space + name, items.Select(i => new XElement(space + "member", Content(space, i, flat))));
                    break;
                case not null:
                    yield return new XElement(space + name, Content(space, value, flat));
                    break;
            }
        }
    }

    private static object Content(XNamespace space, JsonNode? value, bool flat) => value is JsonObject members
        ? Elements(space, members, flat)
        : XmlText(value?.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value?.ToJsonString() ?? "");

    /// <summary>XML 1.0 can't carry most control characters, escaped or not.</summary>
    public static string XmlText(string text) =>
        string.Concat(text.EnumerateRunes().Select(r => System.Xml.XmlConvert.IsXmlChar((char)r.Value) || r.Value > 0xFFFF ? r.ToString() : "\uFFFD"));
}
