using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Credentials;

/// <summary>
/// Key and certificate as files. Both of the nucleus's paths lead through one link to the generation in use, so that one rename(2) switches both and
/// the disk never holds a key beside another key's certificate.
/// </summary>
internal sealed class FileCredentialStore(IFileSystem files, CredentialPaths paths, string directory, CredentialFiles? contents = null) : ICredentialStore
{
    private const string KeyName = "key", CertificateName = "cert", RequestName = "csr";
    private const int LongestFile = 64 * 1024;
    private const long SpaceNeeded = 1024 * 1024;

    /// <summary>A certificate may be dated back a little, and clocks differ by some.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private readonly GenerationDirectory _generations = new(files, directory);
    private readonly CredentialFiles _contents = contents ?? CredentialFiles.Default;

    public string Kind => "file";

    public CertificateInfo Inspect() => _contents.Describe(Content(paths.Certificate, "certificate"));

    public string? InUse => IsReached ? _generations.Current : null;

    public void CheckInUse()
    {
        try
        {
            CheckAsNucleus();
        }
        catch (FileSystemException e)
        {
            throw new CredentialException($"the credential that the nucleus is configured with is not complete: {e.Message}", e);
        }
    }

    public PreparedPair Prepare(KeyOptions options)
    {
        if (!options.SigningAlgorithm.Suits(options.KeyAlgorithm))
            throw new CredentialException($"a {options.KeyAlgorithm} key can't sign with {options.SigningAlgorithm}; set signingAlgorithm to one of its family");
        if (files.FreeBytes(Path.GetDirectoryName(directory)!) < SpaceNeeded)
            throw new CredentialException($"less than 1 MB is free on the disk of {directory}; free some, then start a new job");
        var keyFile = files.Status(files.Resolve(paths.Key))!.Value;
        var isForUs = keyFile.Owner == files.User;
        GenerationDirectory.Ensure(files, directory, isForUs);
        RemoveUnfinished();
        var old = Adopt(isForUs);

        var generation = _generations.Begin(isForUs);
        var (secret, request) = _contents.Generate(options, Content(paths.Certificate, "certificate"));
        try
        {
            Put(generation, KeyName, secret, files.Resolve(paths.Key));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
        Put(generation, RequestName, Encoding.ASCII.GetBytes(request), null);
        files.SyncDirectory(_generations.PathOf(generation));
        files.SyncDirectory(_generations.Path);
        return new PreparedPair(old, generation);
    }

    public string CertificateRequest(string credential) =>
        Encoding.ASCII.GetString(files.Read(_generations.FileOf(credential, RequestName), LongestFile));

    public CertificateInfo StoreCertificate(string credential, string certificatePem, DateTimeOffset now)
    {
        var certificate = Fit(credential, certificatePem, now);
        var file = _generations.FileOf(credential, CertificateName);
        if (files.Status(file) is not null)
            files.Unlink(file);
        Put(credential, CertificateName, Encoding.ASCII.GetBytes(certificate.Pem + "\n"), files.Resolve(paths.Certificate));
        files.SyncDirectory(_generations.PathOf(credential));
        return certificate.Info;
    }

    public TlsIdentity OpenForTls(string credential)
    {
        var secret = files.Read(_generations.FileOf(credential, KeyName), LongestFile);
        try
        {
            using var certificate = KeyMaterial.Certificate(files.Read(_generations.FileOf(credential, CertificateName), LongestFile));
            using var key = KeyMaterial.Import(secret);
            return new FileTlsIdentity(key is RSA rsa ? certificate.CopyWithPrivateKey(rsa) : certificate.CopyWithPrivateKey((ECDsa)key));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    public void SwitchTo(string credential, bool mustBeReached)
    {
        if (mustBeReached && !IsReached)
        {
            throw new CredentialException(
                $"{paths.Key} or {paths.Certificate} was replaced during the rotation. What is there now was left as it is; start a new job if it is to be rotated");
        }
        CheckPair(_generations.FileOf(credential, KeyName), _generations.FileOf(credential, CertificateName));
        var before = _generations.Current;
        _generations.Point(credential);
        if (!IsReached)
            return;
        try
        {
            CheckAsNucleus();
        }
        catch (CredentialException) when (before is not null && before != credential)
        {
            _generations.Point(before);
            throw;
        }
    }

    public void Remove(string credential) => _generations.Remove(credential);

    public void Sweep()
    {
        if (!IsReached)
            return;
        foreach (var generation in _generations.All.Where(g => g != _generations.Current).ToArray())
            _generations.Remove(generation);
    }

    private bool IsReached => _generations.Current is not null && LeadsTo(paths.Key, KeyName) && LeadsTo(paths.Certificate, CertificateName);

    private bool LeadsTo(string path, string name) =>
        files.Status(path) is { Kind: FileKind.SymbolicLink } && files.ReadLink(path) == _generations.CurrentFile(name);

    /// <summary>The generation in use; the nucleus's files become one, with unchanged content, if they are not yet or no longer.</summary>
    private string Adopt(bool isForUs)
    {
        CheckPair(files.Resolve(paths.Key), files.Resolve(paths.Certificate));
        if (IsReached)
        {
            Link(paths.Key, KeyName);
            Link(paths.Certificate, CertificateName);
            return _generations.Current!;
        }

        var generation = _generations.Begin(isForUs);
        var key = Content(paths.Key, "private key");
        try
        {
            Put(generation, KeyName, key, files.Resolve(paths.Key));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
        Put(generation, CertificateName, Content(paths.Certificate, "certificate"), files.Resolve(paths.Certificate));
        files.SyncDirectory(_generations.PathOf(generation));
        CheckPair(_generations.FileOf(generation, KeyName), _generations.FileOf(generation, CertificateName));
        // A path that leads here already sees the same bytes before and after.
        _generations.Point(generation);
        Link(paths.Key, KeyName);
        Link(paths.Certificate, CertificateName);
        CheckAsNucleus();
        return generation;
    }

    private void Link(string path, string name)
    {
        if (!LeadsTo(path, name))
        {
            var next = path + ".keyturn";
            if (files.Status(next) is not null)
                files.Unlink(next);
            files.MakeLink(next, _generations.CurrentFile(name));
            files.Rename(next, path);
        }
        // A link of one path without the other's, after the next switch, would be a pair that does not match.
        files.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private void Put(string generation, string name, ReadOnlySpan<byte> content, string? like)
    {
        var file = _generations.FileOf(generation, name);
        files.Create(file, content);
        if (like is not null && files.Status(like) is { } model)
        {
            if (files.Status(file) is { } made && (made.Owner, made.Group) != (model.Owner, model.Group))
                files.SetOwner(file, model.Owner, model.Group);
            if (model.Mode != 0x180)
                files.SetMode(file, model.Mode);
            files.CopyLabel(like, file);
        }
        files.SyncFile(file);
    }

    /// <summary>A key without a certificate, which no journal names any more.</summary>
    private void RemoveUnfinished()
    {
        foreach (var generation in _generations.All.ToArray())
        {
            if (generation != _generations.Current && files.Status(_generations.FileOf(generation, CertificateName)) is null)
                _generations.Remove(generation);
        }
    }

    private OfferedCertificate Fit(string credential, string pem, DateTimeOffset now)
    {
        var secret = files.Read(_generations.FileOf(credential, KeyName), LongestFile);
        try
        {
            var certificate = _contents.Judge(secret, pem) ?? throw new CertificateUnfitException("the answer holds no certificate");
            if (!certificate.IsOfKey)
                throw new CertificateUnfitException("the certificate is for another key than the pending one");
            if (certificate.Info.NotAfter <= now || certificate.NotBefore > now + ClockSkew)
            {
                throw new CertificateUnfitException(
                    $"the certificate is valid from {certificate.NotBefore:u} to {certificate.Info.NotAfter:u}, and the cloud's time is {now:u}");
            }
            return certificate;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private void CheckPair(string keyPath, string certificatePath)
    {
        var secret = files.Read(keyPath, LongestFile);
        try
        {
            if (!_contents.ArePair(secret, files.Read(certificatePath, LongestFile)))
                throw new CredentialException($"{keyPath} is not the private key of {certificatePath}; nothing was changed. Put a matching pair there first");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>What the nucleus will do at its next start, with its user's rights.</summary>
    private void CheckAsNucleus()
    {
        var (key, certificate) = (files.Resolve(paths.Key), files.Resolve(paths.Certificate));
        if (files.Status(key) is not { } status || !files.IsReadableBy(paths.Key, status.Owner, status.Group) || !files.IsReadableBy(paths.Certificate, status.Owner, status.Group))
            throw new CredentialException($"{paths.Key} or {paths.Certificate} can't be read by the user that owns the key; is every directory above {directory} open to it?");
        CheckPair(key, certificate);
    }

    private byte[] Content(string path, string what)
    {
        try
        {
            return files.Read(files.Resolve(path), LongestFile);
        }
        catch (FileSystemException e)
        {
            throw new CredentialException($"the {what} that the nucleus is configured with can't be read: {e.Message}", e);
        }
    }
}
