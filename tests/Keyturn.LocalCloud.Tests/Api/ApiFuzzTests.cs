using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Keyturn.LocalCloud.Hosting;
using Keyturn.LocalCloud.Tests.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.LocalCloud.Tests.Api;

/// <summary>
/// Nothing that a signed caller sends is answered with a 500. A longer run: set CsCheck_Time to a number of seconds.
/// </summary>
public sealed class ApiFuzzTests : IAsyncLifetime
{
    private static readonly string Data = Path.Combine(Path.GetTempPath(), $"local-cloud-fuzz-{Guid.NewGuid():N}");
    private readonly Cloud _cloud = new(
        new CloudOptions { ApiPort = 0, MqttPort = 0, HttpsPort = 0, ManagementPort = 0, DataDirectory = Data }, NullLoggerFactory.Instance, TimeProvider.System);

    public async ValueTask InitializeAsync() => await _cloud.StartAsync();

    public ValueTask DisposeAsync() => _cloud.DisposeAsync();

    private static readonly Gen<string> Word = Gen.OneOf(
        Gen.OneOf([.. ((string[])["a", "gateway-1", "$next", "..", "%", "%2F", "*", "", "arn:aws:iot:us-east-1:012345678901:cert/x", "ä", "\u0000", "{}", "-1", "99999999999999999999"]).Select(Gen.Const)]),
        Gen.String[Gen.Char.AlphaNumeric, 0, 20]);

    private static readonly Gen<string> Name = Gen.OneOf(
        Gen.OneOf([.. ((string[])[
            "thingName", "attributePayload", "attributes", "merge", "policyDocument", "target", "thingGroupName", "certificateSigningRequest",
            "certificatePem", "status", "document", "targets", "sql", "actions", "lambda", "functionArn", "jobId", "timeoutConfig", "statusDetails",
            "TableName", "Key", "Item", "S", "N", "M", "L", "SS", "KeyConditionExpression", "UpdateExpression", "ExpressionAttributeValues",
            "CertificateAuthorityArn", "Csr", "SigningAlgorithm", "Validity", "Value", "Type", "TemplateArn", "ApiPassthrough", "Subject", "Extensions", "Tags",
            "ScheduleExpression", "Targets", "Id", "Arn", "Input", "QueueUrl", "MessageBody", "ReceiptHandle", "Attributes", "AttributeNames", "queryString",
            "TransactItems", "Put", "KeySchema", "AttributeName", "AttributeDefinitions", "Environment", "Variables", "Timeout",
            "targetArn", "components", "componentVersion", "configurationUpdate", "reset", "deploymentPolicies", "componentUpdatePolicy", "iotJobConfiguration", "inlineRecipe",
            "platform", "componentCandidates", "componentName", "versionRequirements", "roleArn"]).Select(Gen.Const)]),
        Word);

    private static readonly Gen<JsonNode?> Json = Gen.Recursive<JsonNode?>((depth, self) => depth > 4
        ? Word.Select(w => (JsonNode?)JsonValue.Create(w))
        : Gen.OneOf(
            Word.Select(w => (JsonNode?)JsonValue.Create(w)),
            Gen.Long.Select(n => (JsonNode?)JsonValue.Create(n)),
            Gen.Double.Where(double.IsFinite).Select(n => (JsonNode?)JsonValue.Create(n)),
            Gen.Bool.Select(b => (JsonNode?)JsonValue.Create(b)),
            Gen.Const((JsonNode?)null),
            self.Array[0, 4].Select(items => (JsonNode?)new JsonArray([.. items.Select(i => i?.DeepClone())])),
            Members(self).Select(o => (JsonNode?)o)));

    private static Gen<JsonObject> Members(Gen<JsonNode?> value) => Gen.Select(Name, value).Array[0, 5].Select(pairs =>
    {
        var json = new JsonObject();
        foreach (var (name, member) in pairs)
            json[name] = member?.DeepClone();
        return json;
    });

    private static readonly Gen<byte[]> Body = Gen.OneOf(
        Members(Json).Select(j => Encoding.UTF8.GetBytes(j.ToJsonString())),
        Json.Select(j => Encoding.UTF8.GetBytes(j?.ToJsonString() ?? "null")),
        Gen.Byte.Array[0, 40],
        Gen.Const(Array.Empty<byte>()));

    [Fact]
    public async Task No_signed_request_is_answered_with_a_500()
    {
        using var api = new SignedHttp(_cloud.ApiUrl);
        var operations = _cloud.Operations.ToList();
        await Gen.Select(Gen.Int[0, operations.Count - 1], Word.Array[4], Body, Word).SampleAsync(async (index, words, body, query) =>
        {
            var operation = operations[index];
            SignedAnswer answer;
            if (operation.Path.StartsWith('/'))
            {
                var label = 0;
                var path = string.Join('/', operation.Path.Split('/').Select(s =>
                    s.StartsWith('{') ? Uri.EscapeDataString(words[label++ % words.Length]) is { Length: > 0 } value and not ("." or "..") ? value : "x" : s));
                var suffix = query.Length % 3 == 0 ? $"?maxResults={Uri.EscapeDataString(query)}" : "";
                answer = await api.SendAsync(SigningName(operation.Service), operation.Method, path + suffix, body);
            }
            else if (Target(operation.Service) is { } prefix)
            {
                answer = await api.SendAsync(operation.Service, "POST", "/", body, "application/x-amz-json-1.0", ("x-amz-target", $"{prefix}.{operation.Name}"));
            }
            else
            {
                var form = $"Action={operation.Name}&TopicArn={Uri.EscapeDataString(words[0])}&Name={Uri.EscapeDataString(words[1])}&Message={Uri.EscapeDataString(words[2])}"
                    + $"&Attributes.entry.1.key={Uri.EscapeDataString(words[3])}&MessageAttributes.entry.x.Name=1&Token={Uri.EscapeDataString(query)}";
                answer = await api.SendAsync(operation.Service, "POST", "/", Encoding.UTF8.GetBytes(form), "application/x-www-form-urlencoded");
            }

            // A request that its signature stops would prove nothing.
            Assert.NotEqual("InvalidSignatureException", answer.Error);
            Assert.True(answer.Status < 500, $"{operation.Service}:{operation.Name} {string.Join(' ', words)} {Encoding.UTF8.GetString(body)} → {answer.Status} {answer.Text}");
        }, writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: 3000, threads: 2);
    }

    private static string? Target(string service) => service switch
    {
        "dynamodb" => "DynamoDB_20120810",
        "acm-pca" => "ACMPrivateCA",
        "events" => "AWSEvents",
        "sqs" => "AmazonSQS",
        _ => null,
    };

    private static string SigningName(string service) => service == "iot-data" ? "iotdata" : service;
}
