using System.Text.Json;

namespace Keyturn.EndToEnd.Tests.Integration;

/// <summary>
/// A group of core devices that run the component, and the account that the stack is deployed in, seen through the AWS CLI alone: so the same cases hold
/// for stand-ins on this machine and for gateways in the field.
/// </summary>
public sealed class FleetUnderTest : IAsyncLifetime
{
    private const string LocalGroup = "e2e";

    private readonly List<string> jobs = [];
    private LocalFleet? local;

    internal AwsCli Aws { get; private set; } = null!;

    internal string ThingGroup { get; private set; } = LocalGroup;

    internal IReadOnlyList<string> Things { get; private set; } = [];

    /// <summary>What the issuer of a new certificate must be called; null when that is not known here.</summary>
    internal string? PrivateCa { get; private set; }

    /// <summary>Whether its devices are stand-ins, which go when the suite has run.</summary>
    internal bool IsLocal => local is not null;

    private TimeSpan Patience => local is null ? TimeSpan.FromMinutes(20) : TimeSpan.FromMinutes(2);

    private TimeSpan Pause => local is null ? TimeSpan.FromSeconds(5) : TimeSpan.FromMilliseconds(300);

    public async ValueTask InitializeAsync()
    {
        var target = IntegrationTarget.FromEnvironment();
        if (target.ThingGroup is null)
        {
            local = await LocalFleet.StartAsync();
            Aws = local.Aws;
            await local.AddDeviceAsync("gateway-01");
            await local.AddDeviceAsync("gateway-02");
        }
        else
        {
            Aws = AwsCli.OfThisShell(target.Endpoint);
            ThingGroup = target.ThingGroup;
            PrivateCa = target.PrivateCa;
        }

        var listed = await Aws.JsonAsync("iot", "list-things-in-thing-group", "--thing-group-name", ThingGroup);
        Things = [.. listed.GetProperty("things").EnumerateArray().Select(thing => thing.GetString()!)];
        Assert.NotEmpty(Things);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var job in jobs)
            await Aws.RunAsync("iot", "delete-job", "--job-id", job, "--force");
        if (local is not null)
            await local.DisposeAsync();
    }

    /// <summary>A job whose id no other run uses, for the whole group or for some of its things. It is deleted in the end.</summary>
    internal async Task<string> CreateJobAsync(string purpose, IEnumerable<string>? things = null, params string[] more)
    {
        var id = $"keyturn-{purpose}-{Guid.NewGuid().ToString("N")[..8]}";
        string[] targets = things is null
            ? [await ArnAsync("describe-thing-group", "--thing-group-name", ThingGroup, "thingGroupArn")]
            : [.. await Task.WhenAll(things.Select(thing => ArnAsync("describe-thing", "--thing-name", thing, "thingArn")))];
        string[] document = more.Contains("--document")
            ? []
            : ["--job-template-arn", await ArnAsync("describe-job-template", "--job-template-id", "AWSLabsCertificateRotator", "jobTemplateArn")];
        await Aws.JsonAsync(["iot", "create-job", "--job-id", id, "--targets", .. targets, .. document, .. more]);
        jobs.Add(id);
        return id;

        async Task<string> ArnAsync(string command, string option, string name, string member) =>
            (await Aws.JsonAsync("iot", command, option, name)).GetProperty(member).GetString()!;
    }

    internal async Task<JsonElement> ExecutionAsync(string job, string thing) =>
        (await Aws.JsonAsync("iot", "describe-job-execution", "--job-id", job, "--thing-name", thing)).GetProperty("execution");

    internal Task<JsonElement> ExecutionEndAsync(string job, string thing) =>
        EventuallyAsync($"{thing} ends {job}", () => ExecutionAsync(job, thing), execution => StatusOf(execution) is not ("QUEUED" or "IN_PROGRESS"));

    internal static string StatusOf(JsonElement execution) => execution.GetProperty("status").GetString()!;

    internal static string DetailOf(JsonElement execution, string name) =>
        execution.GetProperty("statusDetails").GetProperty("detailsMap").GetProperty(name).GetString()!;

    /// <summary>The certificates of the thing that are ACTIVE.</summary>
    internal async Task<IReadOnlyList<JsonElement>> ActiveCertificatesAsync(string thing)
    {
        var principals = await Aws.JsonAsync("iot", "list-thing-principals", "--thing-name", thing);
        var found = new List<JsonElement>();
        foreach (var principal in principals.GetProperty("principals").EnumerateArray())
        {
            var answer = await Aws.RunAsync("iot", "describe-certificate", "--certificate-id", principal.GetString()!.Split("cert/")[1]);
            // Between the two calls it may have been retired.
            if (answer.ExitCode != 0)
                continue;
            var certificate = JsonDocument.Parse(answer.Output).RootElement.GetProperty("certificateDescription");
            if (certificate.GetProperty("status").GetString() == "ACTIVE")
                found.Add(certificate);
        }

        return found;
    }

    internal async Task<JsonElement> TheActiveCertificateAsync(string thing) => Assert.Single(
        await EventuallyAsync($"{thing} has one active certificate", () => ActiveCertificatesAsync(thing), active => active.Count == 1));

    /// <summary>Runs the case while the rule of that function does nothing, as in an outage.</summary>
    internal async Task WithoutRuleAsync(string function, Func<Task> work)
    {
        var rule = "AWSLabsCertificateRotator" + function;
        await Aws.JsonAsync("iot", "disable-topic-rule", "--rule-name", rule);
        try
        {
            await work();
        }
        finally
        {
            await Aws.JsonAsync("iot", "enable-topic-rule", "--rule-name", rule);
        }
    }

    internal async Task<T> EventuallyAsync<T>(string what, Func<Task<T>> look, Func<T, bool> isSo)
    {
        var cancellation = TestContext.Current.CancellationToken;
        for (var waited = TimeSpan.Zero; waited < Patience; waited += Pause)
        {
            var seen = await look();
            if (isSo(seen))
                return seen;
            await Task.Delay(Pause, cancellation);
        }

        throw new TimeoutException($"not within {Patience}: {what}");
    }
}
