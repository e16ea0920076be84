using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Greengrass.Ipc.Transport;

/// <summary>Who is at the other end of a Unix domain socket: <see href="https://man7.org/linux/man-pages/man7/unix.7.html"/>, SO_PEERCRED.</summary>
internal static class PeerCredentials
{
    private const int SolSocket = 1;
    private const int SoPeerCred = 17;

    /// <summary>pid, uid and gid, 32 bits each.</summary>
    private const int CredentialBytes = 12;

    /// <returns>The process id, or null where it can't be known: not Linux, not a Unix domain socket, a process of another pid namespace.</returns>
    public static int? ProcessIdOf(Stream transport)
    {
        if (!OperatingSystem.IsLinux() || transport is not NetworkStream { Socket: { AddressFamily: AddressFamily.Unix } socket })
            return null;

        Span<byte> credentials = stackalloc byte[CredentialBytes];
        try
        {
            var length = socket.GetRawSocketOption(SolSocket, SoPeerCred, credentials);
            var pid = MemoryMarshal.Read<int>(credentials);
            return length == CredentialBytes && pid > 0 ? pid : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
