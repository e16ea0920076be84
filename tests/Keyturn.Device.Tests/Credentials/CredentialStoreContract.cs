using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Contracts;
using Keyturn.Device.Credentials;

namespace Keyturn.Device.Tests.Credentials;

/// <summary>What every store promises, wherever it keeps its keys.</summary>
public abstract class CredentialStoreContract
{
    private protected CertificateAuthority Ca { get; } = new();

    private protected abstract ICredentialStore Store { get; }

    /// <summary>The key that a rotation makes where a test does not care.</summary>
    private protected virtual KeyOptions Options => KeyOptions.Default;

    /// <summary>Nothing, or why this store can't make such a key.</summary>
    private protected virtual string? Refusal(KeyAlgorithm algorithm, SigningAlgorithm signing) => null;

    /// <summary>The certificate that the nucleus would find, its key proved, by means that are not the store's own.</summary>
    private protected abstract X509Certificate2 PairInUse();

    /// <summary>How many credentials there are, whole or not.</summary>
    private protected abstract int CountCredentials();

    /// <summary>Somebody puts another credential where the nucleus looks. Returns its certificate's id.</summary>
    private protected abstract string Replace();

    public static TheoryData<string, string> Suitable
    {
        get
        {
            var all = new TheoryData<string, string>();
            foreach (var key in KeyAlgorithm.All)
            {
                foreach (var signing in SigningAlgorithm.All.Where(s => s.Suits(key)))
                    all.Add(key.Name, signing.Name);
            }
            return all;
        }
    }

    [Theory]
    [MemberData(nameof(Suitable))]
    public void Every_key_and_signature_gives_a_request_that_proves_its_key(string keyName, string signingName)
    {
        var (algorithm, signing) = (KeyAlgorithm.Find(keyName)!, SigningAlgorithm.Find(signingName)!);
        var before = CountCredentials();
        if (Refusal(algorithm, signing) is { } reason)
        {
            Assert.Contains(reason, Assert.Throws<CredentialException>(() => Store.Prepare(new KeyOptions(algorithm, signing))).Message, StringComparison.Ordinal);
            Assert.Equal(before, CountCredentials());
            Store.CheckInUse();
            return;
        }
        var pair = Store.Prepare(new KeyOptions(algorithm, signing));

        var csr = CertificateRequest.LoadSigningRequestPem(
            Store.CertificateRequest(pair.New), HashAlgorithmName.SHA256, CertificateRequestLoadOptions.Default, signing.IsPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1);
        Assert.Equal("CN=AWS IoT Certificate", csr.SubjectName.Name);
        using var rsa = csr.PublicKey.GetRSAPublicKey();
        using var ec = csr.PublicKey.GetECDsaPublicKey();
        Assert.Equal((algorithm.IsRsa, algorithm.Bits), (rsa is not null, rsa?.KeySize ?? ec!.KeySize));
        Store.StoreCertificate(pair.New, Ca.Sign(Store.CertificateRequest(pair.New), padding: signing.IsPss ? RSASignaturePadding.Pss : RSASignaturePadding.Pkcs1), CertificateAuthority.Now);
        Store.SwitchTo(pair.New, mustBeReached: true);
        using var used = PairInUse();
        Assert.Equal(csr.PublicKey.ExportSubjectPublicKeyInfo(), used.PublicKey.ExportSubjectPublicKeyInfo());
    }

    [Fact]
    public void Before_the_switch_nothing_that_the_nucleus_sees_has_changed()
    {
        using var before = PairInUse();
        var pair = Begin();
        using var after = PairInUse();
        Assert.Equal(before.RawData, after.RawData);
        Assert.Equal(pair.Old, Store.InUse);
        Assert.Equal(2, CountCredentials());
    }

    [Fact]
    public void A_switch_a_switch_back_and_another_switch_each_leave_a_pair_in_use()
    {
        var old = Store.Inspect().CertificateId;
        var pair = Begin();
        foreach (var (credential, isOld) in ((string, bool)[])[(pair.New, false), (pair.New, false), (pair.Old, true), (pair.Old, true), (pair.New, false)])
        {
            Store.SwitchTo(credential, mustBeReached: true);
            Assert.Equal(credential, Store.InUse);
            using var used = PairInUse();
            Assert.Equal(isOld, Id(used) == old);
            Store.CheckInUse();
        }
    }

    [Fact]
    public void Three_rotations_in_a_row_leave_one_credential()
    {
        for (var round = 0; round < 3; round++)
        {
            var pair = Begin();
            Store.SwitchTo(pair.New, mustBeReached: true);
            Store.Remove(pair.Old);
            Store.Remove(pair.Old);
            Assert.Equal(1, CountCredentials());
        }
        Store.CheckInUse();
        using var used = PairInUse();
        Assert.Equal(Store.Inspect().CertificateId, Id(used));
    }

    [Fact]
    public void A_certificate_for_another_key_is_unfit()
    {
        var pair = Store.Prepare(Options);
        using var other = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Throws<CertificateUnfitException>(() => Store.StoreCertificate(pair.New, Ca.Issue(other).Certificate, CertificateAuthority.Now));
        Assert.Throws<CertificateUnfitException>(() => Store.StoreCertificate(pair.New, "no certificate", CertificateAuthority.Now));
        Assert.ThrowsAny<Exception>(() => Store.SwitchTo(pair.New, mustBeReached: true));
        Assert.Equal(pair.Old, Store.InUse);
    }

    [Theory]
    [InlineData(-10, -1)]
    [InlineData(1, 10)]
    public void A_certificate_that_is_not_valid_now_is_unfit(int from, int to)
    {
        var pair = Store.Prepare(Options);
        var pem = Ca.Sign(Store.CertificateRequest(pair.New), CertificateAuthority.Now.AddDays(from), CertificateAuthority.Now.AddDays(to));
        Assert.Throws<CertificateUnfitException>(() => Store.StoreCertificate(pair.New, pem, CertificateAuthority.Now));
    }

    [Fact]
    public void A_certificate_that_comes_twice_is_kept_once_and_a_later_one_takes_its_place()
    {
        var pair = Store.Prepare(Options);
        var (first, second) = (Ca.Sign(Store.CertificateRequest(pair.New)), Ca.Sign(Store.CertificateRequest(pair.New)));
        Store.StoreCertificate(pair.New, first, CertificateAuthority.Now);
        Store.StoreCertificate(pair.New, first, CertificateAuthority.Now);
        var kept = Store.StoreCertificate(pair.New, second, CertificateAuthority.Now);
        Store.SwitchTo(pair.New, mustBeReached: true);
        using var used = PairInUse();
        Assert.Equal(kept.CertificateId, Id(used));
    }

    [Fact]
    public void What_is_in_use_can_not_be_removed_and_a_sweep_leaves_it()
    {
        var pair = Store.Prepare(Options);
        Assert.Throws<CredentialException>(() => Store.Remove(pair.Old));
        Store.Sweep();
        Assert.Equal(1, CountCredentials());
        Store.Remove(pair.New);
        using var used = PairInUse();
        Assert.Equal(pair.Old, Store.InUse);
    }

    [Fact]
    public void A_credential_that_is_replaced_during_the_rotation_stops_the_switch_and_stays()
    {
        var pair = Begin();
        var theirs = Replace();
        Assert.Throws<CredentialException>(() => Store.SwitchTo(pair.New, mustBeReached: true));
        Store.SwitchTo(pair.Old, mustBeReached: false);
        using var used = PairInUse();
        Assert.Equal(theirs, Id(used));
    }

    [Fact]
    public void Both_credentials_can_be_opened_for_a_connection()
    {
        var pair = Begin();
        using var old = Store.OpenForTls(pair.Old);
        using var made = Store.OpenForTls(pair.New);
        Assert.Equal(Store.Inspect().CertificateId, Id(old.Certificate));
        Assert.NotEqual(Id(old.Certificate), Id(made.Certificate));
    }

    private protected PreparedPair Begin()
    {
        var pair = Store.Prepare(Options);
        Store.StoreCertificate(pair.New, Ca.Sign(Store.CertificateRequest(pair.New)), CertificateAuthority.Now);
        return pair;
    }

    private protected static string Id(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant();
}
