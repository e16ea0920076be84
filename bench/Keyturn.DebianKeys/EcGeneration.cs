using System.Security.Cryptography;

namespace Keyturn.DebianKeys;

/// <summary>The key on a curve that an openssl process made: a number drawn until it is below the curve's order.</summary>
internal static class EcGeneration
{
    private static readonly byte[] OrderOfP256 = Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
    private static readonly byte[] OrderOfP384 = Convert.FromHexString("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973");

    /// <returns>SHA-256 of the SubjectPublicKeyInfo.</returns>
    public static byte[] KeyHash(Platform platform, SeedFile seedFile, int processId, int bits)
    {
        var (curve, order) = bits == 256 ? (ECCurve.NamedCurves.nistP256, OrderOfP256) : (ECCurve.NamedCurves.nistP384, OrderOfP384);
        var random = new BrokenRandom(platform, seedFile, processId);
        var number = new byte[order.Length];
        do
        {
            random.DrawNumber(number);
        }
        while (number.AsSpan().SequenceCompareTo(order) >= 0 || !number.AsSpan().ContainsAnyExcept((byte)0));

        using var key = ECDsa.Create(new ECParameters { Curve = curve, D = number });
        return SHA256.HashData(key.ExportSubjectPublicKeyInfo());
    }
}
