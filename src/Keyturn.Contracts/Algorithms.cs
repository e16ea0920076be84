using System.Collections.Immutable;

namespace Keyturn.Contracts;

/// <summary>A kind of key, under the name that the component's configuration and the reference use.</summary>
public sealed record KeyAlgorithm
{
    public static readonly KeyAlgorithm Rsa2048 = new("RSA-2048", isRsa: true, bits: 2048);
    public static readonly KeyAlgorithm Rsa3072 = new("RSA-3072", isRsa: true, bits: 3072);
    public static readonly KeyAlgorithm EcdsaP256 = new("ECDSA-P256", isRsa: false, bits: 256);
    public static readonly KeyAlgorithm EcdsaP384 = new("ECDSA-P384", isRsa: false, bits: 384);
    public static readonly KeyAlgorithm EcdsaP521 = new("ECDSA-P521", isRsa: false, bits: 521);

    public static readonly ImmutableArray<KeyAlgorithm> All = [Rsa2048, Rsa3072, EcdsaP256, EcdsaP384, EcdsaP521];

    private KeyAlgorithm(string name, bool isRsa, int bits) => (Name, IsRsa, Bits) = (name, isRsa, bits);

    public string Name { get; }

    public bool IsRsa { get; }

    /// <summary>Bits of the modulus, or of the curve's field.</summary>
    public int Bits { get; }

    public static KeyAlgorithm? Find(string name) => All.FirstOrDefault(a => a.Name == name);

    public override string ToString() => Name;
}

/// <summary>How a CSR is signed, under the name that the component's configuration and the reference use.</summary>
public sealed record SigningAlgorithm
{
    public static readonly ImmutableArray<SigningAlgorithm> All =
    [
        .. from hash in (int[])[256, 384, 512] select new SigningAlgorithm($"SHA{hash}WITHRSA", isRsa: true, isPss: false, hash),
        .. from hash in (int[])[256, 384, 512] select new SigningAlgorithm($"SHA{hash}WITHRSAANDMGF1", isRsa: true, isPss: true, hash),
        .. from hash in (int[])[256, 384, 512] select new SigningAlgorithm($"ECDSA-WITH-SHA{hash}", isRsa: false, isPss: false, hash),
    ];

    public static readonly SigningAlgorithm Sha256WithRsa = All[0];
    public static readonly SigningAlgorithm EcdsaWithSha256 = All[6];

    private SigningAlgorithm(string name, bool isRsa, bool isPss, int hashBits) =>
        (Name, IsRsa, IsPss, HashBits) = (name, isRsa, isPss, hashBits);

    public string Name { get; }

    public bool IsRsa { get; }

    /// <summary>RSASSA-PSS with MGF1, the salt as long as the hash.</summary>
    public bool IsPss { get; }

    /// <summary>SHA-2 family: 256, 384 or 512.</summary>
    public int HashBits { get; }

    public static SigningAlgorithm? Find(string name) => All.FirstOrDefault(a => a.Name == name);

    public bool Suits(KeyAlgorithm key) => key.IsRsa == IsRsa;

    public override string ToString() => Name;
}
