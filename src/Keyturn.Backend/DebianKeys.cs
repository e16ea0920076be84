using System.Buffers.Binary;

namespace Keyturn.Backend;

/// <summary>
/// The keys that openssl on Debian, and what came of it, could make from 2006 to 2008 (CVE-2008-0166): 32,768 of a kind on a platform, so that anybody
/// has their private halves. <c>bench/Keyturn.DebianKeys</c> makes them all and writes the list; <c>docs/security.md</c> says of which kinds it holds them.
/// </summary>
internal static class DebianKeys
{
    private const int Groups = 1 << 16;

    /// <param name="keyHash">SHA-256 of the SubjectPublicKeyInfo.</param>
    /// <returns>True for a key of the list; also for one in three hundred million others, which its device makes anew for the next job.</returns>
    public static bool Holds(ReadOnlySpan<byte> keyHash)
    {
        // Part of the executable, so each of the two reads touches a page of it or two, and nothing is loaded before.
        using var list = typeof(DebianKeys).Assembly.GetManifestResourceStream("debian-keys")!;
        Span<byte> bounds = stackalloc byte[8];
        list.Position = 4 * BinaryPrimitives.ReadUInt16BigEndian(keyHash);
        list.ReadExactly(bounds);
        var (first, end) = (BinaryPrimitives.ReadInt32LittleEndian(bounds), BinaryPrimitives.ReadInt32LittleEndian(bounds[4..]));
        var wanted = BinaryPrimitives.ReadUInt32BigEndian(keyHash[2..]);
        list.Position = 4L * (Groups + 1 + first);
        for (Span<byte> rest = stackalloc byte[4]; first < end; first++)
        {
            list.ReadExactly(rest);
            if (BinaryPrimitives.ReadUInt32LittleEndian(rest) == wanted)
            {
                return true;
            }
        }

        return false;
    }
}
