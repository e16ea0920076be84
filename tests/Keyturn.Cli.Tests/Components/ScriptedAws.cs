using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Keyturn.Cli.Tests.Components;

/// <summary>As much of S3, Greengrass and AWS IoT as publishing and deploying meets, in one process; what it was told is kept in order.</summary>
internal sealed class ScriptedAws : IAsyncDisposable
{
    private const string Component = "arn:aws:greengrass:us-east-1:012345678901:components:aws.greengrass.labs.CertificateRotator";

    private readonly HttpListener _listener = new();
    private readonly Task _serving;

    public ScriptedAws()
    {
        for (var port = 20_000 + Environment.ProcessId % 20_000; !_listener.IsListening; port++)
        {
            try
            {
                _listener.Prefixes.Clear();
                _listener.Prefixes.Add($"http://127.0.0.1:{port}/");
                _listener.Start();
                Url = $"http://127.0.0.1:{port}";
            }
            catch (HttpListenerException) when (port < 60_000)
            {
                // Somebody else's port.
            }
        }

        _serving = ServeAsync();
    }

    public string Url { get; private set; } = "";

    /// <summary>What changed something: method and path.</summary>
    public List<string> Changes { get; } = [];

    public List<string> Versions { get; } = [];

    public JsonObject? Deployment { get; set; }

    public JsonObject? Created { get; private set; }

    public string? Recipe { get; private set; }

    /// <summary>Error code for every call whose path begins so.</summary>
    public Dictionary<string, (int Status, string Code)> Refusals { get; } = [];

    public JsonObject Progress { get; set; } = new() { ["numberOfSucceededThings"] = 2 };

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
        _listener.Close();
    }

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            using var reader = new StreamReader(context.Request.InputStream);
            var body = await reader.ReadToEndAsync();
            var path = Uri.UnescapeDataString(context.Request.Url!.AbsolutePath);
            var (status, answer) = Answer(context.Request, path, body);
            context.Response.StatusCode = status;
            if (status >= 400)
                context.Response.Headers["x-amzn-errortype"] = answer;
            context.Response.ContentType = answer.StartsWith('<') ? "application/xml" : "application/json";
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(status >= 400 && !answer.StartsWith('<') ? $$"""{"message":"{{answer}} it is"}""" : answer));
            context.Response.Close();
        }
    }

    private (int Status, string Answer) Answer(HttpListenerRequest request, string path, string body)
    {
        Assert.StartsWith("AWS4-HMAC-SHA256 ", request.Headers["Authorization"], StringComparison.Ordinal);
        if (Refusals.FirstOrDefault(r => path.StartsWith(r.Key, StringComparison.Ordinal)) is { Value.Code: { } code } refusal)
        {
            return (refusal.Value.Status, path.StartsWith("/greengrass", StringComparison.Ordinal) || path.StartsWith("/thing", StringComparison.Ordinal)
                ? code : $"<Error><Code>{code}</Code><Message>{code} it is</Message></Error>");
        }

        if (request.HttpMethod is "PUT" or "POST")
            Changes.Add($"{request.HttpMethod} {path}");
        switch (request.HttpMethod, path)
        {
            case ("GET", "/greengrass/v2/components"):
                return (200, Versions.Count == 0 ? """{"components":[]}""" : $$"""{"components":[{"arn":"{{Component}}","componentName":"aws.greengrass.labs.CertificateRotator"}]}""");
            case ("GET", $"/greengrass/v2/components/{Component}/versions"):
                return (200, new JsonObject { ["componentVersions"] = new JsonArray([.. Versions.Select(v => new JsonObject { ["arn"] = $"{Component}:versions:{v}", ["componentVersion"] = v })]) }.ToJsonString());
            case ("POST", "/greengrass/v2/createComponentVersion"):
                Recipe = Encoding.UTF8.GetString(Convert.FromBase64String(JsonNode.Parse(body)!["inlineRecipe"]!.ToString()));
                return (201, Described("REQUESTED"));
            case ("GET", $"/greengrass/v2/components/{Component}:versions:2.0.1/metadata"):
                return (200, Described("DEPLOYABLE"));
            case ("GET", "/thing-groups/gateways"):
                return (200, """{"thingGroupName":"gateways","thingGroupArn":"arn:aws:iot:us-east-1:012345678901:thinggroup/gateways"}""");
            case ("GET", "/thing-groups/gateways/things"):
                return (200, """{"things":["pump1"]}""");
            case ("GET", "/greengrass/v2/deployments"):
                return (200, Deployment is null ? """{"deployments":[]}""" : """{"deployments":[{"deploymentId":"d1"}]}""");
            case ("GET", "/greengrass/v2/deployments/d1"):
                return (200, Deployment!.ToJsonString());
            case ("POST", "/greengrass/v2/deployments"):
                Created = (JsonObject)JsonNode.Parse(body)!;
                return (201, """{"deploymentId":"d2","iotJobId":"job-d2"}""");
            case ("GET", "/jobs/job-d2"):
                return (200, new JsonObject { ["job"] = new JsonObject { ["jobProcessDetails"] = Progress.DeepClone() } }.ToJsonString());
            case ("PUT", _):
                return (200, "");
            default:
                return (404, "ResourceNotFoundException");
        }
    }

    private static string Described(string state) =>
        new JsonObject
        {
            ["arn"] = $"{Component}:versions:2.0.1", ["componentName"] = "aws.greengrass.labs.CertificateRotator", ["componentVersion"] = "2.0.1",
            ["status"] = new JsonObject { ["componentState"] = state },
        }.ToJsonString();
}
