using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Topics that begin with a dollar sign, as far as clients may use them.</summary>
internal static partial class ReservedTopics
{
    private static readonly string[] Subscribable =
    [
        "$aws/things/", "$aws/events/", "$aws/certificates/", "$aws/provisioning-templates/", "$aws/commands/",
        "$aws/device_location/", "$aws/sitewise/",
    ];

    public static bool MayPublish(string topic) => Publishable().IsMatch(topic);

    public static bool MaySubscribe(string filter) => Subscribable.Any(p => filter.StartsWith(p, StringComparison.Ordinal));

    /// <summary>Requests to Jobs, well-formed or not, and basic ingest: they go to the service alone and nobody can listen in.</summary>
    public static bool IsForServiceOnly(string topic) => JobsRequest().IsMatch(topic) || topic.StartsWith("$aws/rules/", StringComparison.Ordinal);

    [GeneratedRegex(@"\A\$aws/(" +
        @"things/[^/]+/(jobs/(?!notify)[^/]+((/namespace-[^/]+)?/[^/]+)?(?<!/accepted|/rejected)" +
        @"|shadow/(name/[^/]+/)?(get|update|delete)" +
        @"|defender/metrics/(json|cbor)|streams/.+|greengrass(v2)?/.+)" +
        @"|rules/.+|certificates/(create|create-from-csr)/(json|cbor)|provisioning-templates/[^/]+/provision/(json|cbor)" +
        @"|commands/(things|clients)/.+|device_location/.+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Publishable();

    [GeneratedRegex(@"\A\$aws/things/[^/]+/jobs/(?!notify)[^/]+((/namespace-[^/]+)?/[^/]+)?(?<!/accepted|/rejected)\z", RegexOptions.CultureInvariant)]
    private static partial Regex JobsRequest();
}
