using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>An object as it was found, good for the session that found it only.</summary>
/// <param name="Id">CKA_ID in hex, empty when it has none.</param>
internal sealed record TokenObject(nuint Handle, ObjectClass Class, string Label, string Id)
{
    public string Kind => Class switch
    {
        ObjectClass.PrivateKey => "private key",
        ObjectClass.PublicKey => "public key",
        _ => "certificate",
    };
}

/// <summary>An open session, logged in.</summary>
internal sealed class TokenSession(ICryptoki module, nuint slot, nuint session, string name)
{
    public string TokenName => name;

    public IReadOnlyList<TokenObject> Labelled(ObjectClass kind, string label) =>
        Find(kind, CryptokiAttribute.Of(AttributeType.Label, label)).Where(o => o.Label == label).ToList();

    /// <param name="id">None of a credential of another store, which a journal may name.</param>
    public IReadOnlyList<TokenObject> WithId(ObjectClass kind, string id) => id.Length % 2 == 0 && id.All(char.IsAsciiHexDigitLower)
        ? Find(kind, new CryptokiAttribute(AttributeType.Id, Convert.FromHexString(id))).Where(o => o.Id == id).ToList()
        : [];

    /// <summary>One that was just made, or seen.</summary>
    public TokenObject Sole(IReadOnlyList<TokenObject> found) => found is [var only]
        ? only
        : throw new CredentialException($"{name} shows {found.Count} objects where it had one a moment ago; does another program change it? Nothing more was changed");

    public byte[]? Read(TokenObject found, AttributeType type)
    {
        var result = module.GetAttribute(session, found.Handle, type, out var value);
        if (result is not (CryptokiResult.Ok or CryptokiResult.AttributeTypeInvalid or CryptokiResult.AttributeSensitive))
            TokenError.Check(result, $"reading the {found.Kind} '{found.Label}' in {name}");
        return value;
    }

    public bool Is(TokenObject found, AttributeType flag) => Read(found, flag) is [not 0];

    public bool Has(Mechanism mechanism)
    {
        TokenError.Check(module.GetMechanisms(slot, out var all), $"asking {name} for its mechanisms");
        return all.Contains((nuint)mechanism);
    }

    /// <summary>The token's own description of the object again; false when the handle means something else by now.</summary>
    public bool IsStill(TokenObject found) => Describe(found.Handle) == found;

    public X509Certificate2 CertificateOf(TokenObject found)
    {
        try
        {
            return X509CertificateLoader.LoadCertificate(Read(found, AttributeType.Value) ?? []);
        }
        catch (CryptographicException e)
        {
            throw new CredentialException($"the certificate '{found.Label}' in {name} is no X.509 certificate", e);
        }
    }

    /// <summary>SubjectPublicKeyInfo, nothing when this token does not show it at this object.</summary>
    public byte[]? PublicKeyOf(TokenObject found)
    {
        if (found.Class == ObjectClass.Certificate)
        {
            using var certificate = CertificateOf(found);
            return certificate.PublicKey.ExportSubjectPublicKeyInfo();
        }
        return PublicKeyEncoding.Rsa(Read(found, AttributeType.Modulus), Read(found, AttributeType.PublicExponent))
            ?? PublicKeyEncoding.Ec(Read(found, AttributeType.EcParameters), Read(found, AttributeType.EcPoint));
    }

    public CryptokiResult TrySign(TokenObject key, Mechanism mechanism, ReadOnlySpan<nuint> parameter, ReadOnlySpan<byte> data, out byte[] signature) =>
        module.Sign(session, mechanism, parameter, key.Handle, data, out signature);

    public CryptokiResult TrySet(TokenObject found, params ReadOnlySpan<CryptokiAttribute> attributes) => module.SetAttributes(session, found.Handle, attributes);

    public CryptokiResult TryCopy(TokenObject found, params ReadOnlySpan<CryptokiAttribute> attributes) => module.CopyObject(session, found.Handle, attributes, out _);

    public CryptokiResult TryCreate(params ReadOnlySpan<CryptokiAttribute> attributes) => module.CreateObject(session, attributes, out _);

    public CryptokiResult TryGenerate(Mechanism mechanism, ReadOnlySpan<CryptokiAttribute> ofPublic, ReadOnlySpan<CryptokiAttribute> ofPrivate) =>
        module.GenerateKeyPair(session, mechanism, ofPublic, ofPrivate);

    public CryptokiResult TryDestroy(TokenObject found) => module.DestroyObject(session, found.Handle);

    private IEnumerable<TokenObject> Find(ObjectClass kind, CryptokiAttribute by)
    {
        TokenError.Check(
            module.FindObjects(session, [CryptokiAttribute.Of(AttributeType.Token, true), CryptokiAttribute.Of(kind), by], out var handles), $"looking for a key or certificate in {name}");
        return handles.Select(Describe).Where(o => o.Class == kind);
    }

    private TokenObject Describe(nuint handle)
    {
        TokenError.Check(module.GetAttribute(session, handle, AttributeType.Class, out var kind), $"reading an object in {name}");
        var found = new TokenObject(handle, (ObjectClass)BitConverter.ToUInt32(kind ?? new byte[4]), "", "");
        var (label, id) = (Read(found, AttributeType.Label) ?? [], Read(found, AttributeType.Id) ?? []);
        return found with { Label = Encoding.UTF8.GetString(label), Id = Convert.ToHexStringLower(id) };
    }
}
