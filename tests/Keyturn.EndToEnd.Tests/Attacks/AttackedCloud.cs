using System.Text.Json;
using Amazon.Runtime;
using Keyturn.Backend.Aws.Clients;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>
/// One cloud with the deployed stack for all attacks, each on things of its own. The devices' policy allows everything: what holds here is
/// the backend, not the broker.
/// </summary>
public sealed class AttackedCloud : IAsyncLifetime
{
    private const string Policy = "Everything";
    private static readonly BasicAWSCredentials Credentials = new("test", "test");
    private int _things;

    internal IEnumerable<string> CloudOptions { get; init; } = [];

    internal LocalFleet Fleet { get; private set; } = null!;

    internal IotClient Iot { get; private set; } = null!;

    internal OperatorApi Operator { get; private set; } = null!;

    internal FunctionApi Functions { get; private set; } = null!;

    internal IotDataClient Data { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Fleet = await LocalFleet.StartAsync(CloudOptions);
        // Refusals are what these tests are about, and mosquitto-like closings what they cause.
        Fleet.Expect("refused");
        Fleet.Expect("attacked");
        Iot = new IotClient(Credentials, Fleet.Cloud.Api, "us-east-1");
        Operator = new OperatorApi(Credentials, Fleet.Cloud.Api);
        Functions = new FunctionApi(Credentials, Fleet.Cloud.Api);
        Data = new IotDataClient(Credentials, Fleet.Cloud.Api, "us-east-1");
        await Operator.CreatePolicyAsync(Policy, """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*"}}""");
    }

    public async ValueTask DisposeAsync()
    {
        Iot.Dispose();
        Operator.Dispose();
        Functions.Dispose();
        Data.Dispose();
        await Fleet.DisposeAsync();
    }

    internal async Task<AttackedThing> AddThingAsync(string? name = null)
    {
        var thing = name ?? $"pump{Interlocked.Increment(ref _things)}-{Guid.NewGuid():N}"[..20];
        await Operator.CreateThingAsync(thing);
        var key = Credential.NewKey();
        var created = await Iot.CreateCertificateFromCsrAsync(Credential.CsrOf(key, thing), setAsActive: true, TestContext.Current.CancellationToken);
        await Iot.AttachPolicyAsync(Policy, created.CertificateArn, TestContext.Current.CancellationToken);
        await Iot.AttachThingPrincipalAsync(thing, created.CertificateArn, "EXCLUSIVE_THING", TestContext.Current.CancellationToken);
        return new AttackedThing(this, thing, new Credential(key, created.CertificatePem));
    }

    internal async Task<IReadOnlyList<JsonElement>> NoticesOfAsync(string thing) =>
        [.. (await Fleet.NotificationsAsync()).EnumerateArray().Where(n => n.GetProperty("message").GetString()!.Contains(thing, StringComparison.Ordinal))];
}

[CollectionDefinition(Name)]
public sealed class SharedAttackedCloud : ICollectionFixture<AttackedCloud>
{
    public const string Name = "Attacked cloud";
}

/// <summary>The victim: a thing, its credential, and what becomes of both.</summary>
internal sealed class AttackedThing(AttackedCloud cloud, string name, Credential credential)
{
    private const string Template = "arn:aws:iot:us-east-1:012345678901:jobtemplate/AWSLabsCertificateRotator";
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    public string Name => name;

    public Credential Credential => credential;

    public string Csr(System.Security.Cryptography.ECDsa key) => Credential.CsrOf(key, name);

    public async Task<RogueConnection> ConnectAsync(Credential? with = null, string? clientId = null)
    {
        var connection = await RogueConnection.OpenAsync(cloud, with ?? credential, clientId ?? name);
        await connection.ListenAsync(name);
        return connection;
    }

    public Task QueueAsync(string jobId) => cloud.Iot.CreateJobAsync(
        jobId, new CreateJobBody([$"arn:aws:iot:us-east-1:012345678901:thing/{name}"], Template), TestContext.Current.CancellationToken);

    /// <summary>A rotation job, taken up by the thing.</summary>
    public async Task BeginAsync(RogueConnection connection, string jobId)
    {
        await QueueAsync(jobId);
        await connection.UpdateJobAsync(name, jobId, "IN_PROGRESS");
    }

    public async Task<string[]> CertificatesAsync() =>
        [.. (await cloud.Iot.ListThingPrincipalsV2Async(name, null, TestContext.Current.CancellationToken)).ThingPrincipalObjects
            .Select(p => p.Principal.Split('/')[^1]).Order()];

    /// <summary>Null when it is gone.</summary>
    public async Task<string?> StatusOfAsync(string certificateId)
    {
        try
        {
            return (await cloud.Iot.DescribeCertificateAsync(certificateId, TestContext.Current.CancellationToken)).Status;
        }
        catch (AmazonServiceException gone) when (gone.ErrorCode == "ResourceNotFoundException")
        {
            return null;
        }
    }

    public Task<IReadOnlyList<JsonElement>> NoticesAsync() => cloud.NoticesOfAsync(name);

    /// <summary>Job events take a moment.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition, string what)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            Assert.False(patience.IsCancellationRequested, $"it never came to it that {what}");
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
