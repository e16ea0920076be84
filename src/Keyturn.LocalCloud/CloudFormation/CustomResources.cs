using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Lambda;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>
/// Custom resources: a function of the stack gets a Create event and answers at the event's ResponseURL.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html
/// </summary>
internal sealed class CustomResources(LambdaService lambda, CustomResourceAnswers answers, string stackName)
{
    public const string Type = "AWS::CloudFormation::CustomResource";

    /// <summary>After the function has ended; on AWS an answer may come an hour later.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types => [new(Type, Create)];

    /// <summary>Waits for the function and its answer: deploying has a thread of its own.</summary>
    private CreatedResource Create(ResourceProperties properties, string physicalName) => CreateAsync(properties).GetAwaiter().GetResult();

    private async Task<CreatedResource> CreateAsync(ResourceProperties properties)
    {
        properties.PassOver("ServiceTimeout");
        var token = properties.Required("ServiceToken");
        var function = lambda.Find(token);
        if (!token.StartsWith("arn:aws:lambda:", StringComparison.Ordinal) || function is null)
            throw new StackException($"{properties.Path}: the ServiceToken {token} is no function of this cloud");
        var id = Guid.NewGuid().ToString();
        var stackId = Intrinsics.StackId(stackName);
        var (url, answered) = answers.Expect(id);
        var request = new JsonObject
        {
            ["RequestType"] = "Create",
            ["ServiceToken"] = token,
            ["ResponseURL"] = url,
            ["StackId"] = stackId,
            ["RequestId"] = id,
            ["LogicalResourceId"] = properties.LogicalId,
            ["ResourceType"] = properties.Type,
            ["ResourceProperties"] = AsTexts(properties.TakeAll()),
        };
        try
        {
            var result = await lambda.InvokeAsync(function.Name, id, JsonSerializer.SerializeToUtf8Bytes(request), CancellationToken.None);
            if (result.FunctionError is not null && !answered.IsCompleted)
                throw new StackException($"{properties.Path}: the function {function.Name} failed without an answer: {System.Text.Encoding.UTF8.GetString(result.Payload.Span)}");
            return Read(properties, await answered.WaitAsync(Patience), stackId, id);
        }
        catch (TimeoutException)
        {
            throw new StackException($"{properties.Path}: the function {function.Name} ended, but sent no answer to the ResponseURL");
        }
        finally
        {
            answers.Forget(id);
        }
    }

    private static CreatedResource Read(ResourceProperties properties, JsonObject answer, string stackId, string requestId)
    {
        if (Text("Status") == "FAILED")
            throw new StackException($"{properties.Path}: FAILED: {Text("Reason") ?? "no reason was given"}");
        if (Text("Status") != "SUCCESS")
            throw new StackException($"{properties.Path}: the answer's Status is neither SUCCESS nor FAILED");
        if (Text("StackId") != stackId || Text("RequestId") != requestId || Text("LogicalResourceId") != properties.LogicalId)
            throw new StackException($"{properties.Path}: StackId, RequestId or LogicalResourceId of the answer are not those of the request");
        if (Text("PhysicalResourceId") is not { Length: > 0 } physicalId)
            throw new StackException($"{properties.Path}: the answer has no PhysicalResourceId");
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in answer["Data"] as JsonObject ?? [])
            attributes[name] = value?.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value?.ToJsonString() ?? "";
        return new CreatedResource(physicalId, attributes);

        string? Text(string member) => answer[member]?.GetValueKind() == JsonValueKind.String ? answer[member]!.GetValue<string>() : null;
    }

    /// <summary>CloudFormation hands numbers and truth values on as text.</summary>
    private static JsonNode? AsTexts(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(m.Key, AsTexts(m.Value)))),
        JsonArray items => new JsonArray([.. items.Select(AsTexts)]),
        JsonValue value when value.GetValueKind() != JsonValueKind.String => value.ToJsonString(),
        _ => node?.DeepClone(),
    };
}
