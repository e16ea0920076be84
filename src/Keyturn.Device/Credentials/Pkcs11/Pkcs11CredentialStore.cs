using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// Key and certificate as objects of a PKCS#11 token. A credential is known by its CKA_ID, and what it is for by its label: that of the nucleus's URIs, or
/// one of our own made from it. A switch gives the credential in use another label and the new one that label; it is the same procedure after a crash, in
/// whatever order the objects were left. Between its first and its last relabelling the nucleus would not find a complete credential: it reads one at
/// its start only, and what was interrupted is finished before that.
/// </summary>
internal sealed class Pkcs11CredentialStore(Token token, TokenRoles roles, RotationFiles rotation) : ICredentialStore
{
    private readonly TokenChanges _changes = new(token, roles);

    public string Kind => "pkcs11";

    public CertificateInfo Inspect() => token.Use(session =>
    {
        using var certificate = session.CertificateOf(Only(session, ObjectClass.Certificate));
        return KeyMaterial.Describe(certificate);
    });

    public string? InUse => token.Use(session =>
        session.Labelled(ObjectClass.PrivateKey, roles.Current) is [{ Id.Length: > 0 } key]
            && session.Labelled(ObjectClass.Certificate, roles.Current) is [var certificate] && certificate.Id == key.Id ? key.Id : null);

    public void CheckInUse() => token.Use(session => CheckPair(session));

    public PreparedPair Prepare(KeyOptions options)
    {
        if (!options.SigningAlgorithm.Suits(options.KeyAlgorithm))
            throw new CredentialException($"a {options.KeyAlgorithm} key can't sign with {options.SigningAlgorithm}; set signingAlgorithm to one of its family");
        token.Use(session => CheckPair(session));
        var old = Adopt();
        // The cloud has just accepted the one in use: what earlier rotations left is of no use any more.
        RemoveAll(null);
        try
        {
            new TokenProbe(token, roles, _changes).Run();
            return new PreparedPair(old, Make(options, old));
        }
        catch (Exception e) when (e is CredentialException or IOException)
        {
            TidyUp();
            throw;
        }
    }

    public string CertificateRequest(string credential) => rotation.Request(credential);

    public CertificateInfo StoreCertificate(string credential, string certificatePem, DateTimeOffset now)
    {
        using var certificate = CertificateFitness.Check(certificatePem, now);
        token.Use(session =>
        {
            if (session.WithId(ObjectClass.PrivateKey, credential) is not [var key])
                throw new CredentialException($"the pending private key is no longer in {token.Name}; the one in use is untouched. Start a new job");
            if (!IsFor(session, key, certificate) || !TokenSignature.Proves(session, key, certificate.PublicKey))
                throw new CertificateUnfitException("the certificate is for another key than the pending one");
        });
        while (token.Use(session => session.WithId(ObjectClass.Certificate, credential).Any(o => !session.CertificateOf(o).RawDataMemory.Span.SequenceEqual(certificate.RawData)))
            && _changes.DestroyOne(ObjectClass.Certificate, roles.Next, credential))
        {
            // An earlier answer, or half of one.
        }
        if (token.Use(session => session.WithId(ObjectClass.Certificate, credential).Count == 0))
            _changes.CreateCertificate(certificate, roles.Next, credential);
        return KeyMaterial.Describe(certificate);
    }

    public TlsIdentity OpenForTls(string credential)
    {
        var certificate = token.Use(session => session.WithId(ObjectClass.Certificate, credential) is [var found]
            ? session.CertificateOf(found)
            : throw new CredentialException($"the certificate of credential {credential} is not in {token.Name}"));
        return new TokenTlsIdentity(certificate, new TokenKey(token, credential, certificate.PublicKey));
    }

    public void SwitchTo(string credential, bool mustBeReached)
    {
        var others = token.Use(session => InTheWay(session, credential));
        var pair = rotation.Prepared;
        if (others.FirstOrDefault(o => o.Class != ObjectClass.PublicKey && (pair is null || (o.Id != pair.Old && o.Id != pair.New))) is { } stranger)
        {
            if (!mustBeReached)
                return;
            throw new CredentialException($"the {stranger.Kind} '{roles.Current}' was replaced during the rotation. What is there now was left as it is; start a new job if it is to be rotated");
        }
        var label = token.Use(session => WhereIs(session, credential));
        var (away, back) = label == roles.Previous ? (roles.Next, roles.Previous) : (roles.Previous, roles.Next);
        // The two keys change places first, since a key under no label is worse than a public key or a certificate under a wrong one.
        foreach (var kind in TokenChanges.Classes)
        {
            // Nobody looks public keys up by their label: those of others stay.
            foreach (var other in others.Where(o => o.Class == kind && (o.Id == pair?.Old || o.Id == pair?.New)))
                _changes.Relabel(kind, other.Id, roles.Current, away);
            _changes.Relabel(kind, credential, back, roles.Current);
            _changes.Relabel(kind, credential, away, roles.Current);
        }
        token.Use(session => CheckPair(session));
    }

    public void Remove(string credential)
    {
        if (token.Use(session => session.Labelled(ObjectClass.PrivateKey, roles.Current).Any(o => o.Id == credential)))
            throw new CredentialException($"credential {credential} is in use and was not removed");
        RemoveAll(credential);
        rotation.Forget(credential);
        // A token may have lost more than it was told to: better known now than at the nucleus's next start.
        token.Use(session => CheckPair(session));
    }

    public void Sweep()
    {
        if (InUse is not null)
            RemoveAll(null);
    }

    private string Make(KeyOptions options, string old)
    {
        var decrypts = token.Use(session => session.Is(Only(session, ObjectClass.PrivateKey), AttributeType.Decrypt));
        _changes.Generate(options.KeyAlgorithm, roles.Scratch, TokenProbe.AnyId(), decrypts);
        var (credential, publicKey) = Identify(roles.Scratch);
        foreach (var kind in (ReadOnlySpan<ObjectClass>)[ObjectClass.PublicKey, ObjectClass.PrivateKey])
            _changes.Relabel(kind, credential, roles.Scratch, roles.Next);
        token.Use(session =>
        {
            var made = session.Sole(session.WithId(ObjectClass.PrivateKey, credential));
            if (!session.Is(made, AttributeType.Sensitive) || session.Is(made, AttributeType.Extractable) || !session.Is(made, AttributeType.Private))
                throw new CredentialException($"{token.Name} makes private keys that can be read out; the old key stays in use");
        });
        var subject = token.Use(session => session.CertificateOf(Only(session, ObjectClass.Certificate)).SubjectName);
        var key = new TokenKey(token, credential, publicKey);
        rotation.Keep(new PreparedPair(old, credential), TokenRequest.Make(key, subject, options.SigningAlgorithm));
        return credential;
    }

    /// <summary>Gives a new pair the id that its public key makes, and finds out both.</summary>
    private (string Id, PublicKey PublicKey) Identify(string label)
    {
        var (before, encoded) = token.Use(session =>
        {
            var key = session.Sole(session.Labelled(ObjectClass.PrivateKey, label));
            var shown = session.PublicKeyOf(key) ?? session.WithId(ObjectClass.PublicKey, key.Id).Select(session.PublicKeyOf).FirstOrDefault(k => k is not null);
            return (key.Id, shown ?? throw new CredentialException($"{token.Name} does not show the public key of the pair that it made. The old key stays in use; choose another keyAlgorithm"));
        });
        var id = PublicKeyEncoding.IdOf(encoded);
        _changes.AssignId(ObjectClass.PublicKey, label, before, id);
        _changes.AssignId(ObjectClass.PrivateKey, label, before, id);
        return (id, PublicKey.CreateFromSubjectPublicKeyInfo(encoded, out _));
    }

    /// <summary>The id of the credential in use. One without an id, or with another key's, gets its own, key and certificate.</summary>
    private string Adopt()
    {
        var (key, certificate, own, isShared) = token.Use(session =>
        {
            var (key, certificate) = (Only(session, ObjectClass.PrivateKey), Only(session, ObjectClass.Certificate));
            return (key.Id, certificate.Id, PublicKeyEncoding.IdOf(session.PublicKeyOf(certificate)!), key.Id.Length > 0 && session.WithId(ObjectClass.PrivateKey, key.Id).Count > 1);
        });
        if (key.Length > 0 && key == certificate && !isShared)
            return key;
        foreach (var (kind, before) in (ReadOnlySpan<(ObjectClass, string)>)[(ObjectClass.PublicKey, key), (ObjectClass.Certificate, certificate), (ObjectClass.PrivateKey, key)])
        {
            if (before != own)
                _changes.AssignId(kind, roles.Current, before, own);
        }
        return own;
    }

    private void RemoveAll(string? credential)
    {
        var left = token.Use(session => (
            from kind in TokenChanges.Classes
            from label in roles.NotInUse
            from found in session.Labelled(kind, label)
            where credential is null || found.Id == credential
            select (kind, label)).ToList());
        foreach (var (kind, label) in left)
            _changes.DestroyOne(kind, label, credential);
    }

    /// <summary>After a failure, as far as the token still answers; what stays is removed before the next rotation.</summary>
    private void TidyUp()
    {
        try
        {
            RemoveAll(null);
        }
        catch (Exception e) when (e is CredentialException or IOException)
        {
            // The first failure is the one to report.
        }
    }

    private List<TokenObject> InTheWay(TokenSession session, string credential) => TokenChanges.Classes
        .SelectMany(kind => session.Labelled(kind, roles.Current))
        .Where(o => o.Id != credential).ToList();

    /// <summary>The label, of a whole credential, that a switch has not changed yet.</summary>
    private string WhereIs(TokenSession session, string credential)
    {
        if (session.WithId(ObjectClass.PrivateKey, credential) is not [var key, ..])
            throw new CredentialException($"the private key of credential {credential} is not in {token.Name}. Nothing was changed");
        if (session.WithId(ObjectClass.Certificate, credential) is not [var certificate, ..])
            throw new CredentialException($"the certificate of credential {credential} is not in {token.Name}. Nothing was changed");
        using var shown = session.CertificateOf(certificate);
        if (!TokenSignature.Proves(session, key, shown.PublicKey))
            throw new CredentialException($"the private key and the certificate of credential {credential} in {token.Name} are no pair. Nothing was changed");
        var labels = TokenChanges.Classes.SelectMany(kind => session.WithId(kind, credential)).Select(o => o.Label).ToList();
        return labels.Contains(roles.Previous) ? roles.Previous : roles.Next;
    }

    private void CheckPair(TokenSession session)
    {
        var (key, certificate) = (Only(session, ObjectClass.PrivateKey), Only(session, ObjectClass.Certificate));
        using var shown = session.CertificateOf(certificate);
        // An id of our own on one of them is half of an adoption.
        if (key.Id.Length > 0 && certificate.Id.Length > 0 && key.Id != certificate.Id && certificate.Id != PublicKeyEncoding.IdOf(session.PublicKeyOf(certificate)!))
        {
            throw new CredentialException(
                $"the private key '{roles.Current}' has id {key.Id} and the certificate '{roles.Current}' id {certificate.Id} in {token.Name}. Nothing was changed. Give both the same id (CKA_ID)");
        }
        if (!IsFor(session, key, shown) || !TokenSignature.Proves(session, key, shown.PublicKey))
            throw new CredentialException($"the private key '{roles.Current}' in {token.Name} is not that of the certificate '{roles.Current}'. Nothing was changed. Put a matching pair there first");
    }

    private static bool IsFor(TokenSession session, TokenObject key, X509Certificate2 certificate) =>
        session.PublicKeyOf(key) is not { } publicKey || publicKey.AsSpan().SequenceEqual(certificate.PublicKey.ExportSubjectPublicKeyInfo());

    private TokenObject Only(TokenSession session, ObjectClass kind)
    {
        var found = session.Labelled(kind, roles.Current);
        if (found is [var only])
            return only;
        var what = kind == ObjectClass.PrivateKey ? "private key" : "certificate";
        throw new CredentialException(found.Count == 0
            ? $"no {what} is labelled '{roles.Current}' in {token.Name}. Nothing was changed. Check object= of system.{(kind == ObjectClass.PrivateKey ? "privateKeyPath" : "certificateFilePath")}, and what pkcs11-tool -O lists"
            : $"{found.Count} objects of the kind {what} are labelled '{roles.Current}' in {token.Name}, and Greengrass takes any of them. Nothing was changed. Rename or remove all but the one in use");
    }
}
