using Org.BouncyCastle.Crypto.Digests;

namespace Keyturn.Device;

/// <summary>
/// For checksums and names, not by the platform: on Linux that loads OpenSSL, a quarter of what the component would hold at rest, and rests for good.
/// Whatever has to do with a key is the platform's.
/// </summary>
internal static class Sha256
{
    public static string HexOf(ReadOnlySpan<byte> content)
    {
        var digest = new Sha256Digest();
        digest.BlockUpdate(content);
        Span<byte> hash = stackalloc byte[32];
        digest.DoFinal(hash);
        return Convert.ToHexStringLower(hash);
    }
}
