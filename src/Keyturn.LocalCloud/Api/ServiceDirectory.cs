namespace Keyturn.LocalCloud.Api;

internal enum ApiProtocol
{
    RestJson,
    AwsJson,
    Query,
    RestXml,
}

/// <param name="Prefix">The IAM prefix, as in <see cref="ApiOperation.Service"/>.</param>
/// <param name="TargetPrefix">Of the X-Amz-Target header (JSON-RPC).</param>
/// <param name="XmlNamespace">Of the answers (query).</param>
/// <param name="FlatLists">Whether a list's elements stand side by side instead of within a member (query).</param>
internal sealed record ServiceDescription(
    string Prefix, ApiProtocol Protocol, string? TargetPrefix = null, string ContentType = "application/json", string? XmlNamespace = null, bool FlatLists = false);

/// <summary>The services that a signature's scope can name.</summary>
internal static class ServiceDirectory
{
    private static readonly ServiceDescription IotData = new("iot-data", ApiProtocol.RestJson);

    private static readonly ServiceDescription SqsOverJson = new("sqs", ApiProtocol.AwsJson, "AmazonSQS", "application/x-amz-json-1.0");

    private static readonly Dictionary<string, ServiceDescription> BySigningName = new(StringComparer.Ordinal)
    {
        ["iot"] = new("iot", ApiProtocol.RestJson),
        // Models of before 2023 sign for the gateway that AWS IoT stands behind.
        ["execute-api"] = new("iot", ApiProtocol.RestJson),
        ["iotdata"] = IotData,
        ["iotdevicegateway"] = IotData,
        ["iot-jobs-data"] = new("iot-jobs-data", ApiProtocol.RestJson),
        ["greengrass"] = new("greengrass", ApiProtocol.RestJson),
        ["lambda"] = new("lambda", ApiProtocol.RestJson),
        ["dynamodb"] = new("dynamodb", ApiProtocol.AwsJson, "DynamoDB_20120810", "application/x-amz-json-1.0"),
        ["acm-pca"] = new("acm-pca", ApiProtocol.AwsJson, "ACMPrivateCA", "application/x-amz-json-1.1"),
        ["sns"] = new("sns", ApiProtocol.Query, ContentType: "text/xml", XmlNamespace: "http://sns.amazonaws.com/doc/2010-03-31/"),
        ["events"] = new("events", ApiProtocol.AwsJson, "AWSEvents", "application/x-amz-json-1.1"),
        ["sqs"] = new("sqs", ApiProtocol.Query, ContentType: "text/xml", XmlNamespace: "http://queue.amazonaws.com/doc/2012-11-05/", FlatLists: true),
        ["s3"] = new("s3", ApiProtocol.RestXml, ContentType: "application/xml"),
        ["iam"] = new("iam", ApiProtocol.Query, ContentType: "text/xml", XmlNamespace: "https://iam.amazonaws.com/doc/2010-05-08/"),
        // Of the credentials provider, which takes certificates only.
        ["credentials"] = new("credentials", ApiProtocol.RestJson),
        ["sts"] = new("sts", ApiProtocol.Query, ContentType: "text/xml", XmlNamespace: "https://sts.amazonaws.com/doc/2011-06-15/"),
    };

    /// <summary>For requests that name no known service: the shape of the error follows the shape of the request.</summary>
    public static ServiceDescription Guess(string? target, string? contentType) =>
        target is not null
            ? new ServiceDescription("unknown", ApiProtocol.AwsJson, ContentType: "application/x-amz-json-1.0")
            : contentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) == true
                ? new ServiceDescription("unknown", ApiProtocol.Query, ContentType: "text/xml", XmlNamespace: "http://webservices.amazon.com/AWSFault/2005-15-09")
                : new ServiceDescription("unknown", ApiProtocol.RestJson);

    /// <param name="target">The X-Amz-Target header. SQS speaks the query protocol without one, and JSON with.</param>
    public static ServiceDescription? Find(string signingName, string? target = null) =>
        signingName == "sqs" && target is not null ? SqsOverJson : BySigningName.GetValueOrDefault(signingName);
}
