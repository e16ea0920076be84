using Keyturn.Device.Credentials;

namespace Keyturn.Device.Greengrass;

/// <summary>
/// Nucleus lite keeps its configuration elsewhere, runs its daemons as <c>ggcore</c> and reads its credential in one of them, which is restarted alone. As long
/// as a rotation can't do that and its tests can't show it, a device with it is left as it is.
/// </summary>
internal static class NucleusLite
{
    /// <summary>Of its socket under the root; classic's is <c>ipc.socket</c>.</summary>
    private const string Socket = "gg-ipc.socket";

    public static void Refuse(string socketPath)
    {
        if (Path.GetFileName(socketPath) == Socket)
            throw new CredentialException(
                "this core runs Greengrass nucleus lite, whose certificate this version can't rotate. Nothing was read or changed. Take the device out of the deployment, "
                + "or run Greengrass nucleus classic 2.6 or later");
    }
}
