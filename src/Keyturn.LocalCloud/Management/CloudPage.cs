using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Lambda;
using Keyturn.LocalCloud.Registry;
using Keyturn.LocalCloud.Sqs;

namespace Keyturn.LocalCloud.Management;

/// <summary>What the page shows.</summary>
internal static class CloudPage
{
    public static IEnumerable<PageSection> Sections(
        DeviceRegistry registry, LambdaService lambda, QueueStore queues, CallCounter calls, RecentMessages recent)
    {
        yield return Things(registry);
        yield return Certificates(registry);
        yield return new PageSection("Functions", ["function", "handler", "role"], lambda.Functions.Select(f => (string[])[f.Name, f.Handler, f.Role.Name]));
        yield return new PageSection("Queues", ["queue", "messages"], queues.Names.Select(q => (string[])[q, $"{queues.Messages(q).Count}"]));
        yield return new PageSection("Last messages", ["time", "topic", "client", "payload"], recent.All);
        yield return new PageSection("Calls", ["operation", "calls"], calls.Show().Select(c => (string[])[c.Key, $"{c.Value}"]));
    }

    private static PageSection Things(DeviceRegistry registry)
    {
        lock (registry.Gate)
        {
            return new PageSection("Things", ["thing", "groups", "principals"], [.. registry.Things.Values.Select(t => (string[])
            [
                t.Name,
                string.Join(' ', registry.GroupsOf(t).Select(g => g.Name)),
                string.Join(' ', t.Principals.Select(p => p.Value ? $"{p.Key} (exclusive)" : p.Key)),
            ])]);
        }
    }

    private static PageSection Certificates(DeviceRegistry registry)
    {
        lock (registry.Gate)
        {
            return new PageSection("Certificates", ["certificate", "status", "things", "policies", "created"], [.. registry.Certificates.Values.Select(
                c => (string[])[c.Id, c.Status, string.Join(' ', c.Things), string.Join(' ', c.Policies.Names), $"{c.Created:u}"])]);
        }
    }
}
