namespace Greengrass.Ipc.EventStream;

/// <summary>The CRC-32 of zlib and IEEE 802.3: reflected polynomial 0xEDB88320, initial value and final xor all ones.</summary>
internal static class Crc32
{
    private static readonly uint[] Table = BuildTable();

    public static uint Compute(ReadOnlySpan<byte> data)
    {
        var table = Table;
        var crc = uint.MaxValue;
        foreach (var b in data)
            crc = table[(byte)crc ^ b] ^ (crc >> 8);
        return ~crc;
    }

    private static uint[] BuildTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < table.Length; i++)
        {
            var value = i;
            for (var bit = 0; bit < 8; bit++)
                value = (value & 1) != 0 ? 0xEDB88320u ^ (value >> 1) : value >> 1;
            table[i] = value;
        }

        return table;
    }
}
