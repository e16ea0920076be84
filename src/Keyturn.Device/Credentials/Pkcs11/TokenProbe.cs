using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>Finds out, on a scratch key and a scratch certificate, whether the token can do all that a rotation needs, before anything depends on it.</summary>
internal sealed class TokenProbe(Token token, TokenRoles roles, TokenChanges changes)
{
    private const int IdLength = 20;

    /// <summary>Until the public key is known.</summary>
    public static string AnyId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength));

    public void Run()
    {
        var id = AnyId();
        // The quickest kind that it has: an RSA key takes a TPM seconds.
        var algorithm = token.Use(session => session.Has(Mechanism.EcKeyPair)) ? KeyAlgorithm.EcdsaP256 : KeyAlgorithm.Rsa2048;
        changes.Generate(algorithm, roles.Scratch, id, decrypts: false);
        using var certificate = token.Use(session => session.CertificateOf(session.Sole(session.Labelled(ObjectClass.Certificate, roles.Current))));
        changes.CreateCertificate(certificate, roles.Scratch, id);
        foreach (var kind in TokenChanges.Classes)
        {
            changes.Relabel(kind, id, roles.Scratch, roles.Next);
            if (token.Use(session => session.Labelled(kind, roles.Scratch).Count > 0 || session.Labelled(kind, roles.Next).Count != 1))
                throw new CredentialException($"{token.Name} says that it relabels a {kind} and does not. Nothing was changed but scratch objects. This device's key has to be replaced by hand");
        }
        foreach (var kind in TokenChanges.Classes)
        {
            changes.DestroyOne(kind, roles.Next, id);
            if (token.Use(session => session.WithId(kind, id).Count > 0))
                throw new CredentialException($"{token.Name} does not remove a {kind} when it is told to. What is in use was left as it is. Remove '{roles.Next}' by hand");
        }
    }
}
