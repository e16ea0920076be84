using System.Text.Json;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Greengrass;

public sealed class ConfigurationTests : IDisposable
{
    private const string Effective = """
        ---
        services:
          aws.greengrass.Nucleus:
            configuration:
              system:
                privateKeyPath: "/wrong"
        system:
          certificateFilePath: "/greengrass/v2/thingCert.crt"
          privateKeyPath: "file:///greengrass/v2/priv%20Key.key"
          list: ["privateKeyPath", "/wrong"]
          rootCaPath: /greengrass/v2/rootCA.pem
          thingName: "pump1"
        """;

    private readonly TemporaryDirectory _root = new();

    public ConfigurationTests() => Directory.CreateDirectory(_root.Combine("config"));

    public void Dispose() => _root.Dispose();

    [Fact]
    public void The_paths_come_from_the_effective_configuration_as_paths_or_uris()
    {
        File.WriteAllText(_root.Combine("config", "effectiveConfig.yaml"), Effective);
        Assert.Equal(
            new SystemConfiguration("/greengrass/v2/priv Key.key", "/greengrass/v2/thingCert.crt", "/greengrass/v2/rootCA.pem", "pump1"), SystemConfiguration.Read(_root.Path));
    }

    [Fact]
    public void A_newer_line_of_the_log_wins_and_an_older_one_does_not()
    {
        File.WriteAllText(_root.Combine("config", "effectiveConfig.yaml"), Effective);
        var now = DateTimeOffset.FromUnixTimeMilliseconds(new DateTimeOffset(File.GetLastWriteTimeUtc(_root.Combine("config", "effectiveConfig.yaml"))).ToUnixTimeMilliseconds());
        WriteLog((now.AddHours(1), "privateKeyPath", "/new.key"), (now.AddHours(-1), "certificateFilePath", "/old.crt"));
        var read = SystemConfiguration.Read(_root.Path);
        Assert.Equal(("/new.key", "/greengrass/v2/thingCert.crt"), (read.PrivateKeyPath, read.CertificateFilePath));
    }

    [Fact]
    public void A_device_provisioned_since_its_last_start_has_its_paths_in_the_log_alone()
    {
        File.WriteAllText(_root.Combine("config", "effectiveConfig.yaml"), "system:\n  certificateFilePath: \"\"\n  privateKeyPath: \"\"\n");
        WriteLog((DateTimeOffset.UnixEpoch, "privateKeyPath", "/a.key"), (DateTimeOffset.UnixEpoch, "certificateFilePath", "/a.crt"));
        File.AppendAllText(_root.Combine("config", "config.tlog"), "{\"TS\":1,\"TP\":[\"system\",\"pri");
        Assert.Equal("/a.key", SystemConfiguration.Read(_root.Path).PrivateKeyPath);
    }

    [Theory]
    [InlineData("system:\n  certificateFilePath: /a.crt\n  privateKeyPath: \"pkcs11:object=key;type=private\"\n", "PKCS#11")]
    [InlineData("system: {}\n", "system.privateKeyPath")]
    [InlineData("system: [\n", "YAML")]
    public void What_can_not_be_used_is_refused_with_the_reason(string yaml, string reason)
    {
        File.WriteAllText(_root.Combine("config", "effectiveConfig.yaml"), yaml);
        Assert.Contains(reason, Assert.Throws<CredentialException>(() => SystemConfiguration.Read(_root.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("effectiveConfig.yaml")]
    [InlineData("config.tlog")]
    public void Files_that_are_another_users_are_told_of_with_what_to_do(string name)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "only root can act as another user");
        var path = _root.Combine("config", name);
        File.WriteAllText(path, "");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        foreach (var directory in (string[])[_root.Path, _root.Combine("config")])
            File.SetUnixFileMode(directory, File.GetUnixFileMode(directory) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        // This thread's alone.
        _ = Posix.SetFileSystemUser(1234);
        Exception? failure;
        try
        {
            failure = Record.Exception(() => SystemConfiguration.Read(_root.Path));
        }
        finally
        {
            _ = Posix.SetFileSystemUser(Posix.EffectiveUser());
        }
        var message = Assert.IsType<CredentialException>(failure).Message;
        Assert.Contains(_root.Path, message, StringComparison.Ordinal);
        Assert.Contains("sudo", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"keyAlgorithm":"ECDSA-P256","signingAlgorithm":"ECDSA-WITH-SHA512"}""", null)]
    [InlineData("""{"keyAlgorithm":"RSA-3072","signingAlgorithm":"SHA384WITHRSAANDMGF1","accessControl":{}}""", null)]
    [InlineData("""{"keyAlgorithm":"RSA-4096","signingAlgorithm":"SHA256WITHRSA"}""", "none of RSA-2048")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA1WITHRSA"}""", "none of SHA256WITHRSA")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"ECDSA-WITH-SHA256"}""", "one family")]
    [InlineData("""{"keyAlgorithm":"ECDSA-P256","signingAlgorithm":"SHA256WITHRSA"}""", "one family")]
    [InlineData("""{"keyAlgorithm":2048,"signingAlgorithm":"SHA256WITHRSA"}""", "keyAlgorithm is missing")]
    [InlineData("""{"keyAlgorithm":"RSA-2048"}""", "signingAlgorithm is missing")]
    [InlineData("""{}""", "keyAlgorithm is missing")]
    [InlineData("""[]""", "keyAlgorithm is missing")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","preflight":"off","timeLimits":{"preflightSeconds":"60"}}""", null)]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","preflight":true,"timeLimits":{}}""", null)]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","preflight":"never"}""", "none of auto, on, off")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","timeLimits":[1]}""", "timeLimits is not a map")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","timeLimits":{"preflightSeconds":29}}""", "from 30 to 1800")]
    [InlineData("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA","timeLimits":{"deferDeploymentSeconds":601}}""", "from 0 to 600")]
    public void The_component_configuration_is_taken_or_refused_with_the_reason(string json, string? problem)
    {
        using var document = JsonDocument.Parse(json);
        var (options, found) = ComponentConfiguration.Read(document.RootElement);
        if (problem is null)
            Assert.NotNull(options);
        else
            Assert.Contains(problem, found, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_left_out_has_safe_defaults()
    {
        using var document = JsonDocument.Parse("""{"keyAlgorithm":"RSA-2048","signingAlgorithm":"SHA256WITHRSA"}""");
        Assert.Equal(ComponentSettings.Default, ComponentConfiguration.Read(document.RootElement).Settings);
    }

    private void WriteLog(params (DateTimeOffset At, string Key, string Value)[] lines) => File.WriteAllLines(
        _root.Combine("config", "config.tlog"),
        lines.Select(l => $$"""{"TS":{{l.At.ToUnixTimeMilliseconds()}},"TP":["system","{{l.Key}}"],"W":"changed","V":"{{l.Value}}"}"""));
}
