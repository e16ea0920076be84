using System.Collections;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Components;

/// <summary>The environment in which classic runs a component's scripts.</summary>
internal static class ComponentEnvironment
{
    public const string SocketVariable = "AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT";

    public const int MaxSocketPathBytes = 107;

    public static Dictionary<string, string> Build(NucleusSettings settings, string serviceToken, IDictionary inherited)
    {
        var environment = inherited.Cast<DictionaryEntry>()
            .Select(e => KeyValuePair.Create((string)e.Key, (string?)e.Value ?? ""))
            .Where(e => !BelongsToThisMachine(e.Key))
            .ToDictionary();
        environment["SVCUID"] = serviceToken;
        environment[SocketVariable] = SocketPath(settings.Root);
        environment["AWS_IOT_THING_NAME"] = settings.ThingName;
        environment["AWS_REGION"] = settings.Region;
        environment["AWS_DEFAULT_REGION"] = settings.Region;
        environment["GG_ROOT_CA_PATH"] = settings.RootCaPath;
        environment["GGC_VERSION"] = NucleusSettings.Version;
        return environment;
    }

    /// <summary>Relative to the work directory when the absolute path is too long for a socket address.</summary>
    public static string SocketPath(string root)
    {
        var absolute = Path.Combine(root, "ipc.socket");
        return System.Text.Encoding.UTF8.GetByteCount(absolute) <= MaxSocketPathBytes ? absolute : "../../ipc.socket";
    }

    /// <summary>A device has no operator's credentials in its environment, nor the variables of this repository's scripts.</summary>
    public static bool BelongsToThisMachine(string name) =>
        name.StartsWith("AWS_", StringComparison.Ordinal) || name.StartsWith("KEYTURN_", StringComparison.Ordinal);
}
