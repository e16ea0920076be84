using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Device.Credentials;

/// <summary>
/// Key and certificate as files: generations of them in a directory of our own, one of which the nucleus's paths lead to, by links where there can be
/// links, otherwise by copies.
/// </summary>
/// <param name="nucleusIsAnother">Another user than this process, whoever owns the files: it may read them by their group, or as anybody.</param>
internal sealed class FileCredentialStore(
    IFileSystem files, CredentialPaths paths, string directory, CredentialFiles? contents = null, ILogger? log = null, bool nucleusIsAnother = false) : ICredentialStore
{
    private const string KeyName = GenerationDirectory.Key, CertificateName = GenerationDirectory.Certificate, RequestName = GenerationDirectory.Request;
    private const int LongestFile = CredentialFile.Longest;
    private const long SpaceNeeded = 1024 * 1024;

    /// <summary>A certificate may be dated back a little, and clocks differ by some.</summary>
    private static readonly TimeSpan ClockSkew = TimeSpan.FromHours(1);

    private readonly GenerationDirectory _generations = new(files, directory);
    private readonly CredentialFiles _contents = contents ?? CredentialFiles.Default;
    private readonly LinkSwitch _links = new(files, paths, new(files, directory));
    private readonly TwoFileSwitch _twoFiles = new(files, paths, new(files, directory), contents ?? CredentialFiles.Default, log ?? NullLogger.Instance);

    public string Kind => "file";

    public CertificateInfo Inspect() => _contents.Describe(Content(paths.Certificate, "certificate"));

    /// <summary>As it was chosen when the nucleus's files were adopted.</summary>
    private IPairSwitch Switch => _generations.IsRecorded ? _twoFiles : _links;

    public string? InUse => Switch.InUse;

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
        // The second of two links, or of two writes, would take the place of the first.
        if (Path.GetFullPath(paths.Key) == Path.GetFullPath(paths.Certificate))
            throw new CredentialException($"private key and certificate are in one file, {paths.Key}. Nothing was changed. Give each a file of its own");
        if (files.FreeBytes(Path.GetDirectoryName(directory)!) < SpaceNeeded)
            throw new CredentialException($"less than 1 MB is free on the disk of {directory}; free some, then start a new job");
        var keyFile = files.Status(files.Resolve(paths.Key))!.Value;
        var isForUs = !nucleusIsAnother && keyFile.Owner == files.User;
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
        var way = Switch;
        if (mustBeReached && !way.IsReached)
        {
            throw new CredentialException(
                $"{paths.Key} or {paths.Certificate} was replaced during the rotation. What is there now was left as it is; start a new job if it is to be rotated");
        }
        CheckPair(_generations.FileOf(credential, KeyName), _generations.FileOf(credential, CertificateName));
        var before = way.Current;
        way.SwitchTo(credential);
        if (!way.IsReached)
            return;
        try
        {
            CheckAsNucleus();
        }
        catch (CredentialException) when (before is not null && before != credential)
        {
            way.SwitchTo(before);
            throw;
        }
    }

    public void Remove(string credential)
    {
        if (Switch.Needs(credential))
            throw new CredentialException($"{credential} is in use and was not removed");
        _generations.Remove(credential);
    }

    public void Sweep()
    {
        var way = Switch;
        if (!way.IsReached)
            return;
        foreach (var generation in _generations.All.Where(g => !way.Needs(g)).ToArray())
            _generations.Remove(generation);
        // Left by a process that ended while it replaced a file: perhaps a copy of a key.
        foreach (var next in ((string[])[paths.Key, paths.Certificate]).Select(CredentialFile.NextTo).Where(n => files.Status(n) is not null))
        {
            files.Unlink(next);
            files.SyncDirectory(Path.GetDirectoryName(next)!);
        }
    }

    /// <summary>The generation in use; the nucleus's files become one, with unchanged content, if they are not yet or no longer.</summary>
    private string Adopt(bool isForUs)
    {
        Switch.Finish();
        CheckPair(files.Resolve(paths.Key), files.Resolve(paths.Certificate));
        if (Switch.InUse is { } current)
        {
            Switch.Adopt(current);
            return current;
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
        Choose(generation);
        CheckAsNucleus();
        return generation;
    }

    /// <summary>Links where they can be made, found out by making them: what may go wrong with a mount or a file system is too much to be foretold.</summary>
    private void Choose(string generation)
    {
        try
        {
            // Before anything leads there: a nucleus that starts meanwhile has to find its credential.
            if (IsOpenToNucleus(generation))
                _links.Adopt(generation);
            else
                WithoutLinks(generation, $"the user that owns {paths.Key} can't read in {directory}");
        }
        catch (FileSystemException e) when (e.IsOfThePlace)
        {
            WithoutLinks(generation, e.Message);
        }
    }

    private void WithoutLinks(string generation, string reason)
    {
        Log.NoLinks(log ?? NullLogger.Instance, reason);
        _twoFiles.Adopt(generation);
    }

    private bool IsOpenToNucleus(string generation)
    {
        var key = files.Status(files.Resolve(paths.Key))!.Value;
        return ((string[])[KeyName, CertificateName]).All(name => files.IsReadableBy(_generations.FileOf(generation, name), key.Owner, key.Group));
    }

    private void Put(string generation, string name, ReadOnlySpan<byte> content, string? like) =>
        CredentialFile.Make(files, _generations.FileOf(generation, name), content, like);

    /// <summary>A key without a certificate, which no journal names any more.</summary>
    private void RemoveUnfinished()
    {
        foreach (var generation in _generations.All.ToArray())
        {
            if (!Switch.Needs(generation) && files.Status(_generations.FileOf(generation, CertificateName)) is null)
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
