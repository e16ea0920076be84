using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Net.Pkcs11Interop.Common;
using Net.Pkcs11Interop.HighLevelAPI;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>The token as another library sees it: none of our own code takes part.</summary>
internal static class SecondOpinion
{
    /// <summary>Pkcs11Interop asks for a library that only development packages have.</summary>
    static SecondOpinion() => NativeLibrary.SetDllImportResolver(
        typeof(CKR).Assembly, (name, assembly, path) => NativeLibrary.Load(name == "libdl" ? "libdl.so.2" : name, assembly, path));

    /// <summary>Kind, label and id of every key and certificate, in order.</summary>
    public static string[] Objects(TestToken token) => In(token, session => session.FindAllObjects([])
        .Select(found => session.GetAttributeValue(found, [CKA.CKA_CLASS, CKA.CKA_LABEL, CKA.CKA_ID]))
        .Select(a => $"{Name((CKO)a[0].GetValueAsUlong())} {a[1].GetValueAsString()} {Convert.ToHexStringLower(a[2].GetValueAsByteArray() ?? [])}")
        .Order(StringComparer.Ordinal).ToArray());

    /// <summary>The only certificate under the nucleus's label, once the only private key there has signed for it.</summary>
    public static X509Certificate2 PairInUse(TestToken token) => In(token, session =>
    {
        var key = Assert.Single(Find(session, CKO.CKO_PRIVATE_KEY));
        var certificate = X509CertificateLoader.LoadCertificate(
            session.GetAttributeValue(Assert.Single(Find(session, CKO.CKO_CERTIFICATE)), [CKA.CKA_VALUE])[0].GetValueAsByteArray());
        Assert.Equal(Id(session, key), Id(session, Find(session, CKO.CKO_CERTIFICATE)[0]));
        var hash = SHA256.HashData("second opinion"u8);
        using var rsa = certificate.GetRSAPublicKey();
        using var ec = certificate.GetECDsaPublicKey();
        // The prefix of a DigestInfo of SHA-256.
        byte[] prefix = [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];
        var mechanism = session.Factories.MechanismFactory.Create(rsa is null ? CKM.CKM_ECDSA : CKM.CKM_RSA_PKCS);
        var signature = session.Sign(mechanism, key, rsa is null ? hash : [.. prefix, .. hash]);
        Assert.True(rsa?.VerifyHash(hash, signature, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1) ?? ec!.VerifyHash(hash, signature));
        return certificate;
    });

    /// <summary>Sensitive, extractable, private, on the token: of the private key with this label.</summary>
    public static bool[] Safety(TestToken token, string label) => In(token, session => session
        .GetAttributeValue(Assert.Single(Find(session, CKO.CKO_PRIVATE_KEY, label)), [CKA.CKA_SENSITIVE, CKA.CKA_EXTRACTABLE, CKA.CKA_PRIVATE, CKA.CKA_TOKEN])
        .Select(a => a.GetValueAsBool()).ToArray());

    public static PublicKey PublicKeyOf(TestToken token, string label) => In(token, session =>
    {
        var found = Assert.Single(Find(session, CKO.CKO_PUBLIC_KEY, label));
        if (session.GetAttributeValue(found, [CKA.CKA_KEY_TYPE])[0].GetValueAsUlong() == (ulong)CKK.CKK_RSA)
        {
            var numbers = session.GetAttributeValue(found, [CKA.CKA_MODULUS, CKA.CKA_PUBLIC_EXPONENT]);
            using var rsa = RSA.Create(new RSAParameters { Modulus = numbers[0].GetValueAsByteArray(), Exponent = numbers[1].GetValueAsByteArray() });
            return new PublicKey(rsa);
        }
        // An OCTET STRING around 04, X and Y.
        var point = session.GetAttributeValue(found, [CKA.CKA_EC_POINT])[0].GetValueAsByteArray();
        var (size, curve) = point.Length switch
        {
            < 80 => (32, ECCurve.NamedCurves.nistP256),
            < 110 => (48, ECCurve.NamedCurves.nistP384),
            _ => (66, ECCurve.NamedCurves.nistP521),
        };
        using var ec = ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = point[^(2 * size)..^size], Y = point[^size..] } });
        return new PublicKey(ec);
    });

    private static byte[] Id(ISession session, IObjectHandle found) => session.GetAttributeValue(found, [CKA.CKA_ID])[0].GetValueAsByteArray();

    private static List<IObjectHandle> Find(ISession session, CKO kind, string label = TestToken.Label) => session.FindAllObjects([
        session.Factories.ObjectAttributeFactory.Create(CKA.CKA_CLASS, kind), session.Factories.ObjectAttributeFactory.Create(CKA.CKA_LABEL, label)]);

    private static string Name(CKO kind) => kind switch
    {
        CKO.CKO_PRIVATE_KEY => "private",
        CKO.CKO_PUBLIC_KEY => "public",
        CKO.CKO_CERTIFICATE => "cert",
        _ => kind.ToString(),
    };

    private static T In<T>(TestToken token, Func<ISession, T> work)
    {
        Tool.SetForModules(token.Environment);
        var factories = new Pkcs11InteropFactories();
        using var library = factories.Pkcs11LibraryFactory.LoadPkcs11Library(factories, token.Library, AppType.MultiThreaded);
        using var session = library.GetSlotList(SlotsType.WithTokenPresent).Single(s => s.SlotId == token.Slot).OpenSession(SessionType.ReadOnly);
        session.Login(CKU.CKU_USER, Encoding.ASCII.GetBytes(TestToken.Pin));
        return work(session);
    }
}
