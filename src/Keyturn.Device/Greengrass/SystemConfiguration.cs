using System.Text.Json;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Keyturn.Device.Greengrass;

/// <summary>What the nucleus's files say under <c>system</c>: where it looks for its credential, and which thing it is.</summary>
/// <param name="IsLite">They are nucleus lite's, whose credential is read by a daemon of its own.</param>
internal sealed record SystemConfiguration(string PrivateKeyPath, string CertificateFilePath, string? RootCaPath, string? ThingName, bool IsLite = false)
{
    private const string Section = "system";

    /// <summary>
    /// Reads <c>config/effectiveConfig.yaml</c>, and <c>config/config.tlog</c> where that is newer or the former is empty: the nucleus writes the former at
    /// load and shutdown only, so a device that was provisioned since then has its paths in the latter alone. Where there is neither, nucleus lite's files.
    /// </summary>
    /// <param name="lite">Where those are.</param>
    public static SystemConfiguration Read(string root, string lite = LiteSystem.Directory)
    {
        try
        {
            return ReadFiles(root, lite);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new CredentialException(
                $"the nucleus's configuration, in {Path.Combine(root, "config")} or {lite}, can't be read by this user. Nothing was changed. "
                + "Run this as Greengrass's own, with sudo for instance; the component needs RequiresPrivilege", e);
        }
    }

    private static SystemConfiguration ReadFiles(string root, string lite)
    {
        var effective = Path.Combine(root, "config", "effectiveConfig.yaml");
        var log = Path.Combine(root, "config", "config.tlog");
        if (!File.Exists(effective) && !File.Exists(log) && LiteSystem.Read(root, lite) is { } found)
            return found;
        var values = new Dictionary<string, (string Value, long At)>(StringComparer.Ordinal);
        if (File.Exists(effective))
        {
            var writtenAt = new DateTimeOffset(File.GetLastWriteTimeUtc(effective)).ToUnixTimeMilliseconds();
            foreach (var (key, value) in ReadSection(effective))
                values[key] = (value, writtenAt);
        }
        if (File.Exists(log))
            ReadLog(log, values);
        var system = new SystemConfiguration(
            PlaceOf(Needed("privateKeyPath"), "privateKeyPath", "private"), PlaceOf(Needed("certificateFilePath"), "certificateFilePath", "cert"),
            values.TryGetValue("rootCaPath", out var ca) ? PathOf(ca.Value) : null, values.TryGetValue("thingName", out var thing) ? thing.Value : null);
        _ = system.TokenLabel;
        return system;

        string Needed(string key) => values.TryGetValue(key, out var value) ? value.Value : throw new CredentialException(
            $"neither {effective} nor {log} names system.{key}, and no file of nucleus lite in {lite} is of {root}. Nothing was changed. Is --root the root of a provisioned Greengrass core?");
    }

    public CredentialPaths Paths => new(PrivateKeyPath, CertificateFilePath);

    /// <summary>The label of key and certificate in a PKCS#11 token; nothing when they are files.</summary>
    public string? TokenLabel
    {
        get
        {
            if (!Pkcs11Uri.IsOne(PrivateKeyPath) && !Pkcs11Uri.IsOne(CertificateFilePath))
                return null;
            if (!Pkcs11Uri.IsOne(PrivateKeyPath) || !Pkcs11Uri.IsOne(CertificateFilePath))
                throw new CredentialException("of system.privateKeyPath and system.certificateFilePath one is a file and one is in a PKCS#11 token. Nothing was changed. Keep both in one place");
            var label = Pkcs11Uri.Parse(PrivateKeyPath, "system.privateKeyPath", "private").Label;
            return label == Pkcs11Uri.Parse(CertificateFilePath, "system.certificateFilePath", "cert").Label
                ? label
                : throw new CredentialException("system.privateKeyPath and system.certificateFilePath name different objects. Nothing was changed. Give key and certificate one label, as Greengrass asks for");
        }
    }

    public static string PathOf(string value) =>
        value.StartsWith("file:", StringComparison.Ordinal) && Uri.TryCreate(value, UriKind.Absolute, out var uri) ? uri.LocalPath : value;

    /// <summary>Without what Greengrass ignores in such a URI: it may be a PIN, and these paths are shown.</summary>
    private static string PlaceOf(string value, string key, string type) =>
        Pkcs11Uri.IsOne(value) ? Pkcs11Uri.Parse(value, "system." + key, type).ToText(type) : PathOf(value);

    /// <summary>The scalars right under <c>system</c>, of a configuration in YAML.</summary>
    public static List<(string Key, string Value)> ReadSection(string path)
    {
        using var text = new StreamReader(path);
        var parser = new Parser(text);
        var found = new List<(string, string)>();
        var (depth, isSystem) = (0, false);
        string? key = null;
        while (MoveNext(parser, path))
        {
            if (parser.Current is Scalar scalar)
            {
                if (key is null && depth is 1 or 2)
                {
                    key = scalar.Value;
                    isSystem = depth == 1 ? key == Section : isSystem;
                    continue;
                }
                if (depth == 2 && isSystem && key is not null && scalar.Value.Length > 0)
                    found.Add((key, scalar.Value));
            }
            // A value, of whatever kind, uses its key up; what is in a sequence is too deep to be looked at.
            key = null;
            depth += parser.Current is MappingStart or SequenceStart ? 1 : parser.Current is MappingEnd or SequenceEnd ? -1 : 0;
        }
        return found;
    }

    private static bool MoveNext(Parser parser, string path)
    {
        try
        {
            return parser.MoveNext();
        }
        catch (YamlException e)
        {
            throw new CredentialException($"{path} can't be read as YAML: {e.Message}. Nothing was changed", e);
        }
    }

    private static void ReadLog(string path, Dictionary<string, (string Value, long At)> values)
    {
        foreach (var line in File.ReadLines(path))
        {
            // The file holds the whole configuration; few lines are worth parsing.
            if (line.Contains($"\"{Section}\"", StringComparison.Ordinal) && Entry(line) is var (key, value, at)
                && value.Length > 0 && (!values.TryGetValue(key, out var known) || at >= known.At))
            {
                values[key] = (value, at);
            }
        }
    }

    private static (string Key, string Value, long At)? Entry(string line)
    {
        try
        {
            using var entry = JsonDocument.Parse(line);
            var path = entry.RootElement.GetProperty("TP");
            return path.ValueKind == JsonValueKind.Array && path.GetArrayLength() == 2 && path[0].ValueEquals(Section)
                && entry.RootElement.GetProperty("V") is { ValueKind: JsonValueKind.String } value
                    ? (path[1].GetString()!, value.GetString()!, entry.RootElement.GetProperty("TS").GetInt64())
                    : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // The last line may be half written.
            return null;
        }
    }
}
