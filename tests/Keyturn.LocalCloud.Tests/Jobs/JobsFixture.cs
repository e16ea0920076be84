using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Jobs;
using Keyturn.LocalCloud.Tests.Mqtt;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.Jobs;

/// <summary>Jobs with a clock that the test moves, things t1 … t3 and a group of t1 and t2.</summary>
internal sealed class JobsFixture : IAsyncDisposable
{
    public JobsFixture()
    {
        Time.SetUtcNow(new DateTimeOffset(2026, 3, 2, 12, 0, 0, TimeSpan.Zero));
        foreach (var thing in (string[])["t1", "t2", "t3"])
            Directory.AddThing(thing);
        Directory.AddGroup("g", "t1", "t2");
        Service = new JobsService(Directory, Bus, new CloudAccount(), Time, NullLogger<JobsService>.Instance);
        Service.Events.Enable("JOB", "JOB_EXECUTION");
    }

    public FakeTimeProvider Time { get; } = new();

    public TestDirectory Directory { get; } = new();

    public TestBus Bus { get; } = new();

    public JobsService Service { get; }

    public static string Thing(string name) => "arn:aws:iot:us-east-1:012345678901:thing/" + name;

    public static string Group(string name) => "arn:aws:iot:us-east-1:012345678901:thinggroup/" + name;

    public Task<JsonNode> CreateAsync(string id, string target, string more = "") => IotAsync(
        "CreateJob", $"jobId={id}", body: $$"""{"targets":["{{target}}"],"document":"{\"operation\":\"TEST\"}"{{more}}}""");

    public async Task<JsonNode> IotAsync(string name, string labels, string query = "", string body = "") =>
        (await Service.Operations.CallAsync("iot", name, labels, query, body)).Json!;

    public async Task<JsonNode> DataAsync(string name, string labels, string query = "", string body = "") =>
        (await Service.Operations.CallAsync("iot-jobs-data", name, labels, query, body)).Json!;

    public async Task<(int Status, string Code)> RefusalAsync(string name, string labels, string query = "", string body = "", string service = "iot")
    {
        var refusal = await OperationCalls.RefusedAsync(Service.Operations.CallAsync(service, name, labels, query, body));
        return (refusal.Status, refusal.Code);
    }

    public async Task<string> StatusAsync(string job, string thing) =>
        (string)(await IotAsync("DescribeJobExecution", $"jobId={job}&thingName={thing}"))["execution"]!["status"]!;

    public async Task<string> JobStatusAsync(string job) => (string)(await IotAsync("DescribeJob", $"jobId={job}"))["job"]!["status"]!;

    public Task<(string Topic, JsonNode Json)> UpdateAsync(string thing, string job, string status, string more = "") =>
        Bus.AskAsync($"$aws/things/{thing}/jobs/{job}/update", $$"""{"status":"{{status}}"{{more}}}""");

    /// <summary>Lets time pass, and everything that was due or on its way be done.</summary>
    public async Task PassAsync(TimeSpan time)
    {
        Time.Advance(time);
        await SettleAsync();
    }

    /// <summary>The service takes one thing after the other: when this is answered, what came before is done.</summary>
    public async Task SettleAsync() => await Bus.AskAsync("$aws/things/t3/jobs/get", client: "settling");

    public async ValueTask DisposeAsync() => await Service.DisposeAsync();
}
