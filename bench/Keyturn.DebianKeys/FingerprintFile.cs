using System.Buffers.Binary;

namespace Keyturn.DebianKeys;

/// <summary>
/// The first 48 bits of each hash, sorted. The first 16 of them choose where the other 32 are looked for: for each value of the 16 the file
/// begins with how many hashes are below it, and the total, each in four bytes, little-endian as all of it.
/// </summary>
internal static class FingerprintFile
{
    private const int Groups = 1 << 16;

    public static void Write(string path, IEnumerable<byte[]> hashes)
    {
        var sorted = hashes.Select(hash => BinaryPrimitives.ReadUInt64BigEndian(hash) >> 16).Distinct().Order().ToArray();
        var content = new byte[4 * (Groups + 1 + sorted.Length)];
        var below = 0;
        for (var group = 0; group <= Groups; group++)
        {
            while (below < sorted.Length && sorted[below] >> 32 < (ulong)group)
            {
                below++;
            }

            BinaryPrimitives.WriteInt32LittleEndian(content.AsSpan(4 * group), below);
        }

        for (var i = 0; i < sorted.Length; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(content.AsSpan(4 * (Groups + 1 + i)), (uint)sorted[i]);
        }

        File.WriteAllBytes(path, content);
    }
}
