using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>A private key in the token, found by its id for each signature.</summary>
internal sealed class TokenKey(Token token, string id, PublicKey publicKey)
{
    public PublicKey PublicKey => publicKey;

    public byte[] Sign(byte[] hash, HashAlgorithmName algorithm, bool isPss) => token.Use(session => session.WithId(ObjectClass.PrivateKey, id) is [var key, ..]
        ? TokenSignature.Make(session, key, publicKey, hash, algorithm, isPss)
        : throw new CredentialException($"the private key of credential {id} is not in {token.Name}"));
}
