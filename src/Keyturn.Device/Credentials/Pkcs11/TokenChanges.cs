using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// Everything that changes a token. Each change is one call in a session of its own on a freshly initialised module, with what it is about read again just
/// before: a module may hand out the handle of a destroyed object for another one. Each may be repeated after a crash.
/// </summary>
internal sealed class TokenChanges(Token token, TokenRoles roles)
{
    public static readonly ObjectClass[] Classes = [ObjectClass.PrivateKey, ObjectClass.Certificate, ObjectClass.PublicKey];

    /// <summary>Gives one object another label: by C_SetAttributeValue, or, where the token can't, by a copy that has proved itself.</summary>
    public void Relabel(ObjectClass kind, string id, string from, string to)
    {
        if (!token.Use(session => RelabelOnce(session, kind, id, from, to)))
            return;
        // A copy was made: what it was made of goes next. Or there is none, whatever the token says.
        if (token.Use(session => RelabelOnce(session, kind, id, from, to)))
            throw token.Use(session => Incapable(session, session.WithId(kind, id)[0].Kind));
    }

    /// <summary>Where the token can't change an id, a scratch object is copied to the label of the next one, and what it was copied from goes.</summary>
    public void AssignId(ObjectClass kind, string label, string before, string id)
    {
        if (token.Use(session => AssignIdOnce(session, kind, label, before, id)))
            DestroyOne(kind, label, before);
    }

    public void Generate(KeyAlgorithm algorithm, string label, string id, bool decrypts) => token.Use(
        session => GenerateOnce(session, algorithm, label, id, decrypts),
        () =>
        {
            // It may have made both keys, or one, or none.
            foreach (var kind in Classes)
                DestroyOne(kind, label, id);
        });

    private static bool GenerateOnce(TokenSession session, KeyAlgorithm algorithm, string label, string id, bool decrypts)
    {
        CryptokiAttribute[] common = [CryptokiAttribute.Of(AttributeType.Token, true), CryptokiAttribute.Of(AttributeType.Label, label), new(AttributeType.Id, Convert.FromHexString(id))];
        CryptokiAttribute[] ofKind = algorithm.IsRsa
            ? [CryptokiAttribute.Of(AttributeType.ModulusBits, (nuint)algorithm.Bits), new(AttributeType.PublicExponent, [1, 0, 1]), CryptokiAttribute.Of(AttributeType.Encrypt, decrypts)]
            : [new(AttributeType.EcParameters, PublicKeyEncoding.Curve(algorithm.Bits))];
        var result = session.TryGenerate(
            algorithm.IsRsa ? Mechanism.RsaKeyPair : Mechanism.EcKeyPair,
            [.. common, .. ofKind, CryptokiAttribute.Of(AttributeType.Private, false), CryptokiAttribute.Of(AttributeType.Verify, true)],
            [
                .. common, CryptokiAttribute.Of(AttributeType.Private, true), CryptokiAttribute.Of(AttributeType.Sensitive, true),
                CryptokiAttribute.Of(AttributeType.Extractable, false), CryptokiAttribute.Of(AttributeType.Sign, true),
                .. algorithm.IsRsa ? (CryptokiAttribute[])[CryptokiAttribute.Of(AttributeType.Decrypt, decrypts)] : [],
            ]);
        TokenError.Check(result, $"making a {algorithm} key in {session.TokenName}");
        return true;
    }

    public void CreateCertificate(X509Certificate2 certificate, string label, string id) => token.Use(session =>
    {
        if (session.WithId(ObjectClass.Certificate, id).Any(o => o.Label == label))
            return;
        var result = session.TryCreate(
            CryptokiAttribute.Of(ObjectClass.Certificate),
            CryptokiAttribute.Of(AttributeType.CertificateType, (nuint)0),
            CryptokiAttribute.Of(AttributeType.Token, true),
            CryptokiAttribute.Of(AttributeType.Private, false),
            CryptokiAttribute.Of(AttributeType.Label, label),
            new CryptokiAttribute(AttributeType.Id, Convert.FromHexString(id)),
            new CryptokiAttribute(AttributeType.Subject, certificate.SubjectName.RawData),
            new CryptokiAttribute(AttributeType.Issuer, certificate.IssuerName.RawData),
            new CryptokiAttribute(AttributeType.SerialNumber, SerialNumber(certificate)),
            new CryptokiAttribute(AttributeType.Value, certificate.RawData));
        TokenError.Check(result, $"storing a certificate in {session.TokenName}");
    });

    /// <summary>Destroys one object of a role that is not in use, if there is one. False when there is none.</summary>
    /// <param name="id">Nothing for any credential.</param>
    public bool DestroyOne(ObjectClass kind, string label, string? id) => token.Use(session =>
    {
        if (!roles.NotInUse.Contains(label))
            throw new InvalidOperationException($"'{label}' is no label that anything is destroyed under");
        if (session.Labelled(kind, label).FirstOrDefault(o => id is null || o.Id == id) is not { } found)
            return false;
        Destroy(session, found);
        return true;
    });

    private bool AssignIdOnce(TokenSession session, ObjectClass kind, string label, string before, string id)
    {
        if (session.Labelled(kind, label).Any(o => o.Id == id))
            return false;
        // Not every token keeps public keys.
        if (session.Labelled(kind, label).Where(o => o.Id == before).ToList() is not [var found])
            return kind == ObjectClass.PublicKey ? false : throw new CredentialException($"'{label}' changed in {session.TokenName} meanwhile; nothing more was changed");
        var attribute = new CryptokiAttribute(AttributeType.Id, Convert.FromHexString(id));
        var result = session.TrySet(found, attribute);
        var isCopied = TokenError.IsIncapable(result) && label == roles.Scratch;
        if (isCopied)
            result = session.TryCopy(found, attribute, CryptokiAttribute.Of(AttributeType.Label, roles.Next));
        TokenError.Check(result, $"giving the {found.Kind} '{label}' in {session.TokenName} its id");
        return isCopied;
    }

    /// <summary>True when there is more to do for it.</summary>
    private static bool RelabelOnce(TokenSession session, ObjectClass kind, string id, string from, string to)
    {
        var all = session.WithId(kind, id);
        var source = all.FirstOrDefault(o => o.Label == from);
        if (source is null)
            return false;
        if (kind == ObjectClass.PrivateKey)
            RefuseTwins(session.Labelled(kind, to), source);
        if (all.FirstOrDefault(o => o.Label == to) is { } copy)
        {
            if (kind == ObjectClass.PrivateKey)
                ProveCopy(session, copy, id);
            TokenError.Check(session.TryDestroy(source), $"removing the copied {source.Kind} '{from}' in {session.TokenName}");
            return false;
        }
        var result = session.TrySet(source, CryptokiAttribute.Of(AttributeType.Label, to));
        if (result == CryptokiResult.Ok)
            return !session.IsStill(source with { Label = to }) ? throw Incapable(session, source.Kind) : false;
        if (!TokenError.IsIncapable(result))
            TokenError.Check(result, $"relabelling the {source.Kind} '{from}' in {session.TokenName}");
        var copied = session.TryCopy(source, CryptokiAttribute.Of(AttributeType.Label, to));
        if (TokenError.IsIncapable(copied))
            throw Incapable(session, source.Kind);
        TokenError.Check(copied, $"copying the {source.Kind} '{from}' in {session.TokenName}");
        return true;
    }

    private static CredentialException Incapable(TokenSession session, string kind) => new(
        $"{session.TokenName} can neither relabel nor copy a {kind}, so a new key could never take the old one's place. This device's key has to be replaced by hand");

    private void Destroy(TokenSession session, TokenObject found)
    {
        var (key, certificate) = (session.Labelled(ObjectClass.PrivateKey, roles.Current), session.Labelled(ObjectClass.Certificate, roles.Current));
        if (key.Count != 1 || certificate.Count != 1)
            throw new CredentialException($"no complete credential is under '{roles.Current}' in {session.TokenName}: nothing is removed before there is one");
        var live = session.PublicKeyOf(certificate[0])!;
        // The scratch certificate is a copy of the one in use; no key but the right one has its public key.
        if (found.Class != ObjectClass.Certificate && session.PublicKeyOf(found) is { } publicKey && publicKey.AsSpan().SequenceEqual(live))
            throw new CredentialException($"the {found.Kind} '{found.Label}' in {session.TokenName} is the one in use under another label, and was not removed");
        if (found.Class == ObjectClass.PrivateKey && found.Id == key[0].Id)
            throw new CredentialException($"the {found.Kind} '{found.Label}' in {session.TokenName} has the id of the one in use, and was not removed");
        if (!session.IsStill(found))
            throw new CredentialException($"{session.TokenName} gives one handle to two objects; nothing was removed");
        TokenError.Check(session.TryDestroy(found), $"removing the {found.Kind} '{found.Label}' in {session.TokenName}");
    }

    private static void ProveCopy(TokenSession session, TokenObject copy, string id)
    {
        var witness = session.WithId(ObjectClass.PublicKey, id).Append(copy).Concat(session.WithId(ObjectClass.Certificate, id))
            .Select(session.PublicKeyOf).FirstOrDefault(k => k is not null);
        if (witness is null || !TokenSignature.Proves(session, copy, PublicKey.CreateFromSubjectPublicKeyInfo(witness, out _)))
            throw new CredentialException($"the copy of a private key in {session.TokenName} does not sign as its original; the original was left in place");
    }

    /// <summary>Greengrass looks a key up by its label and takes any that it finds.</summary>
    private static void RefuseTwins(IEnumerable<TokenObject> others, TokenObject key)
    {
        if (others.FirstOrDefault(o => o.Id != key.Id) is { } twin)
            throw new CredentialException($"another private key has the label '{twin.Label}' already; nothing was relabelled. Remove or rename the one that is not in use");
    }

    private static byte[] SerialNumber(X509Certificate2 certificate)
    {
        var writer = new System.Formats.Asn1.AsnWriter(System.Formats.Asn1.AsnEncodingRules.DER);
        writer.WriteInteger(certificate.SerialNumberBytes.Span);
        return writer.Encode();
    }
}
