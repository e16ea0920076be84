using System.Text.Json.Nodes;
using Keyturn.Infrastructure;
using Keyturn.Infrastructure.Tests;

[assembly: AssemblyFixture(typeof(SynthesizedStacks))]

namespace Keyturn.Infrastructure.Tests;

/// <summary>What the app writes, once for all tests: starting the CDK's Node.js takes seconds.</summary>
public sealed class SynthesizedStacks : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("keyturn-infrastructure-").FullName;

    public SynthesizedStacks()
    {
        var package = Path.Combine(_directory, "functions.zip");
        File.WriteAllBytes(package, [0x50, 0x4b, 0x05, 0x06, .. new byte[18]]);
        Kept = Synthesize("kept", []);
        Configured = Synthesize("configured", new()
        {
            ["functionPackage"] = package,
            ["PcaCaId"] = "11111111-2222-3333-4444-555555555555",
            ["PcaValidityInDays"] = "30",
            ["PcaSigningAlgorithm"] = "SHA256WITHECDSA",
            ["allowedKeyAlgorithms"] = "ECDSA-P256, ECDSA-P384",
            ["alarmEmail"] = "operators@example.com",
            ["logRetentionDays"] = 30,
            ["rolloutPerMinute"] = 100,
            ["rolloutBasePerMinute"] = 5,
            ["rolloutFactor"] = "2.5",
            ["deletionProtection"] = false,
            ["ConnectionId"] = "11111111-2222-3333-4444-555555555555",
            ["OwnerName"] = "example",
            ["RepositoryName"] = "keyturn",
            ["BranchName"] = "main",
            ["ThingGroupName"] = "test-gateways",
        });
        Pipeline = new Template(File.ReadAllText(Path.Combine(_directory, "configured", $"{PipelineStack.Id}.template.json")));
    }

    /// <summary>Without context: the template that lies in the repository.</summary>
    internal Template Kept { get; }

    /// <summary>As the CDK deploys it, every key of the context set.</summary>
    internal Template Configured { get; }

    internal Template Pipeline { get; }

    public static string RepositoryRoot
    {
        get
        {
            for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            {
                if (File.Exists(Path.Combine(directory.FullName, "Keyturn.slnx")))
                {
                    return directory.FullName;
                }
            }

            throw new InvalidOperationException("The tests run from the repository's artifacts directory.");
        }
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private Template Synthesize(string name, Dictionary<string, object> context)
    {
        var output = Path.Combine(_directory, name);
        RotatorApp.Synthesize(output, context);
        return new Template(File.ReadAllText(Path.Combine(output, $"{RotatorApp.StackName}.template.json")));
    }
}

internal sealed class Template(string text)
{
    private readonly JsonObject _root = (JsonObject)JsonNode.Parse(text)!;

    public string Text => text;

    public JsonObject Section(string name) => _root[name] as JsonObject ?? [];

    public JsonObject Properties(string id) => (JsonObject)Section("Resources")[id]!["Properties"]!;

    public IEnumerable<(string Id, JsonObject Properties)> Of(string type) =>
        from resource in Section("Resources")
        where resource.Value!["Type"]!.GetValue<string>() == type
        select (resource.Key, resource.Value!["Properties"] as JsonObject ?? []);

    /// <summary>Statements of every policy: of roles, topics, queues and keys.</summary>
    public IEnumerable<(string Id, JsonObject Statement)> Statements() =>
        from resource in Section("Resources")
        from document in new[] { "PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy" }
        let policy = resource.Value!["Properties"]?[document]
        where policy is not null
        from statement in (JsonArray)policy["Statement"]!
        select (resource.Key, (JsonObject)statement!);
}
