using System.Security.Cryptography;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>EMSA-PSS with MGF1 over the same hash and a salt as long as it. Specification: RFC 8017, 9.1.1 and B.2.1.</summary>
internal static class PssPadding
{
    public static byte[] Encode(ReadOnlySpan<byte> hash, HashAlgorithmName algorithm, int keyBits)
    {
        var size = hash.Length;
        var salt = RandomNumberGenerator.GetBytes(size);
        var digest = CryptographicOperations.HashData(algorithm, [.. new byte[8], .. hash, .. salt]);
        // For keys of whole bytes: the first bit is always clear.
        var encoded = new byte[keyBits / 8];
        var masked = encoded.AsSpan(0, encoded.Length - size - 1);
        masked[^(size + 1)] = 1;
        salt.CopyTo(masked[^size..]);
        for (var (offset, counter) = (0, 0); offset < masked.Length; counter++)
        {
            var mask = CryptographicOperations.HashData(algorithm, [.. digest, 0, 0, (byte)(counter >> 8), (byte)counter]);
            for (var i = 0; i < size && offset < masked.Length; i++)
                masked[offset++] ^= mask[i];
        }
        masked[0] &= 0x7F;
        digest.CopyTo(encoded, masked.Length);
        encoded[^1] = 0xBC;
        return encoded;
    }
}
