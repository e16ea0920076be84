using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Faults;
using Keyturn.LocalCloud.Jobs;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Registry;
using Keyturn.LocalCloud.Sns;
using Keyturn.LocalCloud.Sqs;

namespace Keyturn.LocalCloud.Management;

/// <summary>What the page shows: the newest first, and no more of anything than a page can hold.</summary>
internal sealed class CloudPage(
    DeviceRegistry registry, MqttBroker broker, JobsService jobs, LambdaService lambda, QueueStore queues, SnsService sns,
    CallCounter calls, RecentMessages recent, FaultBook faults, TimeProvider time)
{
    private const int Most = 200;

    public string Write() => PageWriter.Write(
        $"{CloudAccount.Local.Id} in {CloudAccount.Local.Region}, as of {time.GetUtcNow():u}; reload for news. Seed of the faults: {faults.Seed}.",
        [Things(), Certificates(), Executions(), Notifications(), Messages(), Calls(), Faults(), Functions(), Queues()]);

    private PageSection Things()
    {
        var connected = broker.ConnectedClients.ToHashSet(StringComparer.Ordinal);
        lock (registry.Gate)
        {
            return Section("Things", "No thing is registered.", ["thing", "client", "groups", "principals"], registry.Things.Values.Select(t => (string[])
            [
                t.Name, connected.Contains(t.Name) ? "connected" : "",
                string.Join(' ', registry.GroupsOf(t).Select(g => g.Name)),
                string.Join(' ', t.Principals.Select(p => Short(p.Key) + (p.Value ? " exclusive" : ""))),
            ]));
        }
    }

    private PageSection Certificates()
    {
        lock (registry.Gate)
        {
            return Section("Certificates", "No certificate is registered.", ["certificate", "status", "things", "policies", "created"],
                registry.Certificates.Values.Reverse().Select(c => (string[])
                    [c.Id, c.Status, string.Join(' ', c.Things), string.Join(' ', c.Policies.Names), $"{c.Created:u}"]));
        }
    }

    private PageSection Executions() => jobs.Read(all => Section("Job executions", "No job has been rolled out.",
        ["job", "thing", "status", "queued", "updated", "version", "details"],
        all.Values.SelectMany(j => j.Executions).OrderByDescending(e => e.Sequence).Select(e => (string[])
        [
            e.Job.Id, e.Thing, e.Status.Name(), $"{e.QueuedAt:HH:mm:ss}", $"{e.LastUpdatedAt:HH:mm:ss}", $"{e.Version}",
            string.Join(' ', e.Details?.Select(d => $"{d.Key}={d.Value}") ?? []),
        ])));

    private PageSection Notifications() => Section("Notifications", "Nothing was published to a topic of SNS.", ["time", "topic", "subject", "message"],
        sns.Published.Reverse().Select(n => n.Show()).Select(n => (string[])
            [$"{n["timestamp"]}", $"{n["topicArn"]}".Split(':')[^1], $"{n["subject"]}", $"{n["message"]}"]));

    private PageSection Messages() => Section("Last messages", "No message has passed the broker.", ["time", "topic", "client", "payload"], recent.All);

    private PageSection Calls() => Section("Calls", "No call was made over HTTP.", ["operation", "calls"],
        calls.Show().Select(c => (string[])[c.Key, $"{c.Value}"]));

    private PageSection Faults() => Section("Faults", "No fault is set.", ["fault", "strikes"],
        faults.Show()["faults"]!.AsArray().Select(f => (string[])[$"{f!["fault"]}", $"{f["strikes"]}"]));

    private PageSection Functions() => Section("Functions", "The stack has no function.", ["function", "handler", "role"],
        lambda.Functions.Select(f => (string[])[f.Name, f.Handler, f.Role.Name]));

    private PageSection Queues() => Section("Queues", "The stack has no queue.", ["queue", "messages"],
        queues.Names.Select(q => (string[])[q, $"{queues.Messages(q).Count}"]));

    private static PageSection Section(string title, string empty, string[] columns, IEnumerable<IReadOnlyList<string>> rows) =>
        new(title, columns, [.. rows.Take(Most)], empty);

    private static string Short(string principal) => principal.Split('/')[^1] is { Length: > 12 } id ? id[..12] + "…" : principal;
}
