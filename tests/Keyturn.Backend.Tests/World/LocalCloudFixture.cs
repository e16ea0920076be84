using System.Diagnostics;
using System.Text.Json.Nodes;
using Amazon.DynamoDBv2;
using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.Backend.Tests.World;

/// <summary>The local cloud as a process, with the stack's table deployed.</summary>
public sealed class LocalCloudFixture : IAsyncLifetime
{
    internal const string Region = "us-east-1";
    internal const string LedgerTable = "AWSLabsCertificateRotatorLedger";
    private static readonly BasicAWSCredentials Credentials = new("test", "test");
    private readonly string _data = Directory.CreateTempSubdirectory("keyturn-backend-").FullName;
    private Process? _process;
    private Task _drain = Task.CompletedTask;
    private Uri? _api;

    private Uri Api => _api ?? throw new InvalidOperationException("The local cloud is not running.");

    public async ValueTask InitializeAsync()
    {
        var (executable, template) = Find();
        var start = new ProcessStartInfo(executable)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            ArgumentList =
            {
                "--api-port", "0", "--mqtt-port", "0", "--https-port", "0", "--management-port", "0",
                "--data", _data, "--template", await WithoutCustomResourcesAsync(template), "--private-ca", "ec256,short-lived",
            },
        };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        while (await _process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line && line != "ready")
        {
            if (line.StartsWith("api ", StringComparison.Ordinal))
            {
                _api = new Uri(line[4..]);
            }
            else if (line.StartsWith("private-ca ", StringComparison.Ordinal))
            {
                PrivateCaArn = line["private-ca ".Length..];
            }
        }

        _drain = _process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        Assert.False(_process.HasExited, "The local cloud ended before it was ready.");
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
            await _drain;
            _process.Dispose();
        }

        Directory.Delete(_data, recursive: true);
    }

    internal IAmazonDynamoDB DynamoDb() =>
        new AmazonDynamoDBClient(Credentials, new AmazonDynamoDBConfig { ServiceURL = Api.ToString(), AuthenticationRegion = Region });

    /// <summary>Of an authority with a P-256 key in short-lived mode.</summary>
    internal string PrivateCaArn { get; private set; } = "";

    internal AcmPcaClient Pca() => new(Credentials, Api, Region);

    internal IotClient Iot() => new(Credentials, Api, Region);

    /// <summary>No use case of ours creates things, so no client of ours can: this asks as the API model has it.</summary>
    internal async Task<string> CreateThingAsync()
    {
        var thing = $"thing-{Guid.NewGuid():N}";
        await new ThingClient(Credentials, Api, Region).CreateAsync(thing, TestContext.Current.CancellationToken);
        return thing;
    }

    /// <summary>No function runs here, so none could answer for a custom resource.</summary>
    private async Task<string> WithoutCustomResourcesAsync(string template)
    {
        var stack = JsonNode.Parse(await File.ReadAllTextAsync(template, TestContext.Current.CancellationToken))!;
        var resources = (JsonObject)stack["Resources"]!;
        foreach (var id in resources.Where(r => r.Value!["Type"]!.ToString().StartsWith("Custom::", StringComparison.Ordinal)).Select(r => r.Key).ToList())
        {
            resources.Remove(id);
        }

        var path = Path.Combine(Directory.CreateDirectory(_data).FullName, "stack.json");
        await File.WriteAllTextAsync(path, stack.ToJsonString(), TestContext.Current.CancellationToken);
        return path;
    }

    private static (string Executable, string Template) Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var template = Path.Combine(directory.FullName, "infra", "AWSLabsCertificateRotator.template.json");
            if (File.Exists(template))
            {
                var executable = new[] { "release", "debug" }
                    .Select(c => Path.Combine(directory.FullName, "artifacts", "bin", "Keyturn.LocalCloud", c, "local-cloud"))
                    .FirstOrDefault(File.Exists);
                return (executable ?? throw new InvalidOperationException(
                    "src/Keyturn.LocalCloud is not built; run script/build, which builds what the tests start."), template);
            }
        }

        throw new InvalidOperationException("The tests run from the repository's artifacts directory.");
    }
}

[CollectionDefinition(Name)]
public sealed class SharedLocalCloud : ICollectionFixture<LocalCloudFixture>
{
    public const string Name = "Local cloud";
}

internal sealed class ThingClient(AWSCredentials credentials, Uri endpoint, string region)
    : AwsServiceClient(credentials, new AwsServiceConfig("IoT", "iot", "iot", "2015-05-28").At(endpoint, region))
{
    public Task CreateAsync(string thing, CancellationToken cancellation) =>
        CallAsync(new AwsRequest("CreateThing", "POST", "/things/{thingName}").Label("thingName", thing).Raw("{}"u8.ToArray(), "application/json"), b => b, cancellation);
}
