using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>One request as it goes over the wire; the SDK's pipeline signs, sends and repeats it.</summary>
internal sealed class AwsRequest(string operation, string method, string path) : AmazonWebServiceRequest
{
    public string Operation { get; } = operation;

    public string Method { get; } = method;

    /// <summary>With placeholders: <c>/things/{thingName}</c>.</summary>
    public string Path { get; } = path;

    public Dictionary<string, string> Labels { get; } = [];

    public Dictionary<string, string> Query { get; } = [];

    public Dictionary<string, string> RequestHeaders { get; } = [];

    public byte[]? Body { get; private set; }

    public string ContentType { get; private set; } = "application/json";

    /// <summary>Sent twice, it would be done twice.</summary>
    public bool IsOnce { get; init; }

    public ResponseUnmarshaller Protocol { get; init; } = JsonProtocol.Instance;

    public AwsRequest Label(string name, string value)
    {
        Labels["{" + name + "}"] = value;
        return this;
    }

    public AwsRequest With(string query, string? value)
    {
        if (value is not null)
            Query[query] = value;
        return this;
    }

    public AwsRequest Header(string name, string value)
    {
        RequestHeaders[name] = value;
        return this;
    }

    public AwsRequest Json<T>(T body, JsonTypeInfo<T> type)
    {
        Body = JsonSerializer.SerializeToUtf8Bytes(body, type);
        return this;
    }

    public AwsRequest Raw(byte[] body, string contentType)
    {
        (Body, ContentType) = (body, contentType);
        return this;
    }
}

internal sealed class RequestMarshaller : IMarshaller<IRequest, AmazonWebServiceRequest>
{
    public static readonly RequestMarshaller Instance = new();

    public IRequest Marshall(AmazonWebServiceRequest input)
    {
        var request = (AwsRequest)input;
        var marshalled = new DefaultRequest(request, request.Operation)
        {
            HttpMethod = request.Method,
            ResourcePath = request.Path,
            UseQueryString = request.Query.Count > 0,
        };
        foreach (var (name, value) in request.Labels)
            marshalled.AddPathResource(name, value);
        foreach (var (name, value) in request.Query)
            marshalled.Parameters.Add(name, value);
        foreach (var (name, value) in request.RequestHeaders)
            marshalled.Headers[name] = value;
        if (request.Body is { } body)
        {
            marshalled.Content = body;
            marshalled.Headers["Content-Type"] = request.ContentType;
        }

        return marshalled;
    }
}

internal sealed class RawResponse : AmazonWebServiceResponse
{
    public byte[] Body { get; init; } = [];
}
