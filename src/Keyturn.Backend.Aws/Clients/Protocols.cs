using System.Net;
using Amazon.Runtime;
using Amazon.Runtime.Internal;
using Amazon.Runtime.Internal.Transform;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>REST-JSON and JSON-RPC answers: the body as it is, errors by AWS's conventions (<c>x-amzn-errortype</c>, <c>__type</c>).</summary>
internal sealed class JsonProtocol : JsonResponseUnmarshaller
{
    public static readonly JsonProtocol Instance = new();

    public override AmazonWebServiceResponse Unmarshall(JsonUnmarshallerContext input) => new RawResponse { Body = Bytes.Of(input.Stream) };

    public override AmazonServiceException UnmarshallException(
        JsonUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode)
    {
        var reader = new Amazon.Runtime.Internal.Util.StreamingUtf8JsonReader(input.Stream);
        return Refusal.From(JsonErrorResponseUnmarshaller.GetInstance().Unmarshall(input, ref reader), innerException, statusCode);
    }
}

/// <summary>The query protocol of SNS: XML answers.</summary>
internal sealed class QueryProtocol : XmlResponseUnmarshaller
{
    public static readonly QueryProtocol Instance = new();

    public override AmazonWebServiceResponse Unmarshall(XmlUnmarshallerContext input) => new RawResponse { Body = Bytes.Of(input.Stream) };

    public override AmazonServiceException UnmarshallException(
        XmlUnmarshallerContext input, Exception innerException, HttpStatusCode statusCode) =>
        Refusal.From(XmlErrorResponseUnmarshaller.GetInstance().Unmarshall(input), innerException, statusCode);
}

file static class Bytes
{
    public static byte[] Of(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }
}

file static class Refusal
{
    public static AmazonServiceException From(ErrorResponse error, Exception? inner, HttpStatusCode status) =>
        new(error.Message, inner, error.Type, error.Code, error.RequestId, status);
}
