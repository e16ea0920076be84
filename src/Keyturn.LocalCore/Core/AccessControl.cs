using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Mqtt;

namespace Keyturn.LocalCore.Core;

/// <summary>What a component's <c>accessControl</c> lets it do; whatever no policy allows is refused.</summary>
internal sealed class AccessControl(ConfigurationStore store)
{
    private const string MqttProxy = "aws.greengrass.ipc.mqttproxy";

    /// <param name="operation">Without the service's namespace.</param>
    public bool MayUseTopic(string component, string operation, string topic) =>
        (store.Read("services", component, "configuration", "accessControl", MqttProxy) as JsonObject ?? [])
            .Select(policy => policy.Value).OfType<JsonObject>()
            .Where(policy => Texts(policy["operations"]).Any(o => o == "*" || o == Operation.Namespace + operation))
            .SelectMany(policy => Texts(policy["resources"]))
            .Any(resource => resource == "*" || TopicFilter.Covers(resource, topic));

    private static IEnumerable<string> Texts(JsonNode? node) =>
        (node as JsonArray ?? []).OfType<JsonValue>().Select(value => value.ToString());
}
