using System.Text;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Api;

public sealed class SignatureTests(LocalCloudProcess cloud)
{
    [Theory]
    [InlineData("/things")]
    [InlineData("/things?maxResults=5&nextToken=")]
    [InlineData("/things/a%3Ab/thing-groups")]
    [InlineData("/attached-policies/arn%3Aaws%3Aiot%3Aus-east-1%3A012345678901%3Athinggroup%2Fx")]
    public async Task A_proper_signature_passes_whatever_the_path_holds(string path)
    {
        using var api = new SignedHttp(cloud.Api);
        var answer = await api.SendAsync("iot", path.StartsWith("/att", StringComparison.Ordinal) ? "POST" : "GET", path);
        Assert.Contains(answer.Status, (int[])[200, 404]);
        Assert.NotEqual("InvalidSignatureException", answer.Error);
    }

    [Fact]
    public async Task A_payload_may_be_unsigned_if_it_says_so()
    {
        using var api = new SignedHttp(cloud.Api) { UnsignedPayload = true };
        Assert.Equal(200, (await api.SendAsync("iot", "POST", "/things/unsigned-payload", "{}"u8.ToArray())).Status);
    }

    public static TheoryData<string, int, string> Spoiled => new()
    {
        { "secret", 403, "InvalidSignatureException" },
        { "key", 403, "UnrecognizedClientException" },
        { "region", 403, "InvalidSignatureException" },
        { "old", 403, "InvalidSignatureException" },
        { "early", 403, "InvalidSignatureException" },
        { "token", 403, "UnrecognizedClientException" },
        { "body", 403, "InvalidSignatureException" },
        { "header", 403, "InvalidSignatureException" },
        { "unsigned amz header", 403, "InvalidSignatureException" },
        { "query", 403, "InvalidSignatureException" },
        { "none", 403, "MissingAuthenticationTokenException" },
        { "basic", 400, "IncompleteSignatureException" },
        { "no signature", 400, "IncompleteSignatureException" },
        { "short credential", 400, "IncompleteSignatureException" },
        { "no date", 400, "IncompleteSignatureException" },
        { "odd date", 400, "IncompleteSignatureException" },
        { "service", 403, "InvalidSignatureException" },
    };

    [Theory]
    [MemberData(nameof(Spoiled))]
    public async Task A_spoiled_signature_is_refused(string how, int status, string error)
    {
        var now = DateTimeOffset.UtcNow;
        using var api = new SignedHttp(cloud.Api)
        {
            Secret = how == "secret" ? "wrong" : "test",
            KeyId = how == "key" ? "AKIAUNKNOWN" : "test",
            Region = how == "region" ? "eu-central-1" : "us-east-1",
            At = how switch { "old" => now.AddMinutes(-16), "early" => now.AddMinutes(16), _ => now },
            Token = how == "token" ? "stray" : null,
            Spoil = request =>
            {
                string Authorization() => request.Headers.GetValues("Authorization").First();
                void Replace(string value)
                {
                    request.Headers.Remove("Authorization");
                    request.Headers.TryAddWithoutValidation("Authorization", value);
                }

                switch (how)
                {
                    case "body":
                        request.Content = new ByteArrayContent("""{"thingTypeName":"x"}"""u8.ToArray());
                        break;
                    case "header":
                        request.Headers.Remove("x-extra");
                        request.Headers.Add("x-extra", "2");
                        break;
                    case "unsigned amz header":
                        request.Headers.Add("x-amz-extra", "1");
                        break;
                    case "query":
                        request.RequestUri = new Uri(request.RequestUri + "?a=b");
                        break;
                    case "none":
                        request.Headers.Remove("Authorization");
                        break;
                    case "basic":
                        Replace("Basic dGVzdDp0ZXN0");
                        break;
                    case "no signature":
                        Replace(Authorization().Split(", Signature")[0]);
                        break;
                    case "short credential":
                        Replace(Authorization().Replace("/aws4_request", "", StringComparison.Ordinal));
                        break;
                    case "no date":
                        request.Headers.Remove("x-amz-date");
                        break;
                    case "odd date":
                        request.Headers.Remove("x-amz-date");
                        request.Headers.Add("x-amz-date", "yesterday");
                        break;
                }
            },
        };
        var answer = await api.SendAsync(
            how == "service" ? "nonsense" : "iot", "POST", "/things/spoiled-signature", "{}"u8.ToArray(), headers: ("x-extra", "1"));
        Assert.Equal((status, error), (answer.Status, answer.Error));
    }

    [Fact]
    public async Task Each_protocol_refuses_in_its_own_words()
    {
        using var api = new SignedHttp(cloud.Api) { Secret = "wrong" };
        var dynamo = await api.SendAsync("dynamodb", "POST", "/", "{}"u8.ToArray(), "application/x-amz-json-1.0", ("x-amz-target", "DynamoDB_20120810.ListTables"));
        Assert.Equal((400, "InvalidSignatureException"), (dynamo.Status, dynamo.Error));
        var sns = await api.SendAsync("sns", "POST", "/", Encoding.ASCII.GetBytes("Action=ListTopics&Version=2010-03-31"), "application/x-www-form-urlencoded");
        Assert.Equal(403, sns.Status);
        Assert.Contains("<Code>SignatureDoesNotMatch</Code>", sns.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_operations_are_refused_in_the_protocols_own_words()
    {
        using var api = new SignedHttp(cloud.Api);
        var rest = await api.SendAsync("iot", "GET", "/no/such/path");
        Assert.Equal((404, "UnknownOperationException"), (rest.Status, rest.Error));
        var json = await api.SendAsync("dynamodb", "POST", "/", "{}"u8.ToArray(), "application/x-amz-json-1.0", ("x-amz-target", "DynamoDB_20120810.Nonsense"));
        Assert.Equal((400, "UnknownOperationException"), (json.Status, json.Error));
        var query = await api.SendAsync("sns", "POST", "/", Encoding.ASCII.GetBytes("Action=Nonsense"), "application/x-www-form-urlencoded");
        Assert.Equal(400, query.Status);
        Assert.Contains("<Code>InvalidAction</Code>", query.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"policyDocument\":1}")]
    [InlineData("{\"policyDocument\":\"\\ud800\"}")]
    [InlineData("{\"policyDocument\":\"{}\",\"policyDocument\":\"{}\"}")]
    public async Task Malformed_JSON_is_the_callers_fault(string body)
    {
        using var api = new SignedHttp(cloud.Api);
        var answer = await api.SendAsync("iot", "POST", "/policies/malformed", Encoding.UTF8.GetBytes(body));
        Assert.Equal((400, "InvalidRequestException"), (answer.Status, answer.Error));
    }
}
