using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Backend.Tests.World;

/// <summary>AWS Private CA and AWS IoT's registration as their API models have them, for one test that may script each answer.</summary>
internal sealed class ScriptedAuthority : IAsyncDisposable
{
    public const string Arn = "arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/ca";
    private static readonly BasicAWSCredentials Credentials = new("test", "test");
    private readonly ScriptedHttp _http;
    private readonly Dictionary<string, string> _arnOfToken = [];
    private readonly Dictionary<string, string> _certificates = [];
    private readonly Dictionary<string, string> _statuses = [];

    public ScriptedAuthority() => _http = new ScriptedHttp(Answer);

    public List<JsonElement> Orders { get; } = [];

    public List<string> Calls { get; } = [];

    /// <summary>Answers of GetCertificate before the certificate is there.</summary>
    public int InProgress { get; set; }

    /// <summary>An error instead of the answer, before or after the call took effect.</summary>
    public Func<string, (string Error, bool AfterEffect)?>? FailWith { get; set; }

    public IReadOnlyDictionary<string, string> Statuses => _statuses;

    public AcmPcaClient Pca => new(Credentials, Api, "us-east-1");

    public IotClient Iot => new(Credentials, Api, "us-east-1");

    private Uri Api => new($"http://{_http.Address}");

    public ValueTask DisposeAsync() => _http.DisposeAsync();

    private HttpReply Answer(HttpExchange request)
    {
        var operation = request.Headers.TryGetValue("X-Amz-Target", out var target) ? target.Split('.')[1]
            : request.Target == "/certificate/register-no-ca" ? "RegisterCertificateWithoutCA"
            : request.Target.StartsWith("/principals/", StringComparison.Ordinal) ? "ListPrincipalThingsV2"
            : request.Method == "PUT" ? "UpdateCertificate"
            : "DescribeCertificate";
        Calls.Add(operation);
        var failure = FailWith?.Invoke(operation);
        if (failure is { AfterEffect: false })
        {
            return Error(failure.Value.Error);
        }

        var body = request.Body.Length > 0 ? JsonElement.Parse(request.Body) : default;
        var reply = operation switch
        {
            "IssueCertificate" => Issue(body),
            "GetCertificate" => InProgress-- > 0
                ? Error("RequestInProgressException")
                : Ok(new { Certificate = _certificates[Text(body, "CertificateArn")], CertificateChain = "chain" }),
            "RegisterCertificateWithoutCA" => Register(body),
            "ListPrincipalThingsV2" => Ok(new { principalThingObjects = Array.Empty<string>() }),
            "UpdateCertificate" => Update(request.Target),
            _ => Describe(request.Target),
        };
        return failure is { } lost ? Error(lost.Error) : reply;
    }

    private HttpReply Issue(JsonElement body)
    {
        Orders.Add(body);
        var csr = Encoding.ASCII.GetString(body.GetProperty("Csr").GetBytesFromBase64());
        var token = Text(body, "IdempotencyToken");
        if (!_arnOfToken.TryGetValue(token, out var arn))
        {
            string pem;
            try
            {
                pem = Cloud.Sign(csr, DateTimeOffset.UtcNow);
            }
            catch (Exception exception) when (exception is CryptographicException or ArgumentException)
            {
                return Error("MalformedCSRException");
            }

            arn = _arnOfToken[token] = string.Create(CultureInfo.InvariantCulture, $"{Arn}/certificate/{_certificates.Count}");
            _certificates[arn] = pem;
        }

        return Ok(new { CertificateArn = arn });
    }

    private HttpReply Register(JsonElement body)
    {
        var id = InMemoryRegistry.IdOf(Text(body, "certificatePem"));
        return _statuses.TryAdd(id, Text(body, "status"))
            ? Ok(new { certificateId = id, certificateArn = ArnOf(id) })
            : Error("ResourceAlreadyExistsException");
    }

    private HttpReply Update(string target)
    {
        var id = target.Split('/', '?')[2];
        _statuses[id] = target.Split("newStatus=")[1];
        return Ok(new { });
    }

    private HttpReply Describe(string target)
    {
        var id = target.Split('/')[^1];
        return Ok(new { certificateDescription = new { certificateId = id, certificateArn = ArnOf(id), status = _statuses[id], certificatePem = "" } });
    }

    private static string ArnOf(string id) => $"arn:aws:iot:us-east-1:012345678901:cert/{id}";

    private static string Text(JsonElement body, string name) => body.GetProperty(name).GetString()!;

    private static HttpReply Ok(object body) => new(200, JsonSerializer.Serialize(body), "Content-Type: application/x-amz-json-1.1\r\n");

    private static HttpReply Error(string code) =>
        new(400, $$"""{"__type":"{{code}}","message":"as scripted"}""", $"Content-Type: application/x-amz-json-1.1\r\nx-amzn-errortype: {code}\r\n");
}
