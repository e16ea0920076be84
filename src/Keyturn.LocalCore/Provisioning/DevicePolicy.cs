using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Provisioning;

/// <summary>
/// The IoT policy of a Greengrass core that rotates its certificate: one for all things, bound to the thing of the
/// connection by policy variables. The client ids are all that begin with the thing's name, as in the minimal policy that AWS
/// documents for core devices: real fleets let pump1 connect as pump10, so whoever relies on client ids must not believe a prefix.
/// </summary>
internal static class DevicePolicy
{
    /// <summary>The name that the nucleus's installer gives it.</summary>
    public const string Name = "GreengrassV2IoTThingPolicy";

    private const string Thing = "${iot:Connection.Thing.ThingName}";

    public static string Document(string region, string account)
    {
        string Arn(string kind, string rest) => $"arn:aws:iot:{region}:{account}:{kind}/{rest}";
        return new JsonObject
        {
            ["Version"] = "2012-10-17",
            ["Statement"] = new JsonArray(
                Allow(["iot:Connect"], [Arn("client", Thing + "*")]),
                Allow(["iot:Publish"],
                [
                    Arn("topic", $"$aws/things/{Thing}/jobs/*"),
                    Arn("topic", $"$aws/things/{Thing}/shadow/*"),
                    Arn("topic", $"$aws/things/{Thing}/greengrassv2/health/json"),
                    Arn("topic", $"awslabs/things/{Thing}/certificate/create"),
                    Arn("topic", $"awslabs/things/{Thing}/certificate/commit"),
                ]),
                Allow(["greengrass:*"], ["*"]),
                Allow(["iot:AssumeRoleWithCertificate"], [Arn("rolealias", TokenExchange.Alias)]),
                Allow(["iot:Receive"], Inbound("topic")),
                Allow(["iot:Subscribe"], Inbound("topicfilter"))),
        }.ToJsonString();

        string[] Inbound(string kind) =>
        [
            Arn(kind, $"$aws/things/{Thing}/jobs/*"),
            Arn(kind, $"$aws/things/{Thing}/shadow/*"),
            Arn(kind, $"awslabs/things/{Thing}/certificate/*"),
        ];
    }

    private static JsonObject Allow(string[] actions, string[] resources) => new()
    {
        ["Effect"] = "Allow",
        ["Action"] = new JsonArray([.. actions.Select(a => JsonValue.Create(a))]),
        ["Resource"] = new JsonArray([.. resources.Select(r => JsonValue.Create(r))]),
    };
}
