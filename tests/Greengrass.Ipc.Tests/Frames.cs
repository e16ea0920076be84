using System.Buffers.Binary;
using System.Text;

namespace Greengrass.Ipc.Tests;

/// <summary>
/// Frames for tests, built without the library's codec: its own bytes, and a bitwise CRC-32 that was checked against zlib's published value.
/// </summary>
internal static class Frames
{
    public static byte[] Int32(string name, int value) => [.. Name(name), 4, (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    public static byte[] Text(string name, string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        return [.. Name(name), 7, (byte)(bytes.Length >> 8), (byte)bytes.Length, .. bytes];
    }

    public static byte[] Message(int type, int flags, int streamId, string payload = "", params byte[][] more) => Frame(
        [.. Int32(":message-type", type), .. Int32(":message-flags", flags), .. Int32(":stream-id", streamId), .. more.SelectMany(h => h)],
        Encoding.UTF8.GetBytes(payload));

    public static byte[] Frame(byte[] headers, byte[] payload)
    {
        var prelude = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(prelude, (uint)(16 + headers.Length + payload.Length));
        BinaryPrimitives.WriteUInt32BigEndian(prelude.AsSpan(4), (uint)headers.Length);
        return WithChecksum([.. WithChecksum(prelude), .. headers, .. payload]);
    }

    public static byte[] WithChecksum(byte[] bytes)
    {
        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc(bytes));
        return [.. bytes, .. crc];
    }

    public static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = 0xFFFFFFFFu;
        foreach (var b in bytes)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                var low = (crc ^ (uint)(b >> bit)) & 1;
                crc = (crc >> 1) ^ (low == 0 ? 0 : 0xEDB88320u);
            }
        }

        return ~crc;
    }

    private static byte[] Name(string name) => [(byte)name.Length, .. Encoding.ASCII.GetBytes(name)];
}
