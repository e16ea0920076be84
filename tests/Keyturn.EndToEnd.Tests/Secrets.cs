using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.Cli.Demo;

namespace Keyturn.EndToEnd.Tests;

/// <summary>A private key is in its own file, which its owner alone reads, and nowhere else: no log, message, report, state or temporary file has it.</summary>
public sealed class Secrets
{
    [Fact]
    public async Task Of_a_run_are_in_no_log_no_message_and_no_other_file()
    {
        await using var fleet = await LocalFleet.StartAsync();
        await using var listener = await CloudClient.ConnectAsync(fleet, "listener", "#", "$aws/things/gateway-01/#", "awslabs/things/gateway-01/#");
        var device = await fleet.AddDeviceAsync("gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Ready:");
        var canaries = new List<KeyCanary> { CanaryOf(device) };

        await fleet.CreateRotationJobAsync("rotate-1", "gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Committed -> Idle");
        canaries.Add(CanaryOf(device));
        await fleet.ConfigureAsync(device, new JsonObject { ["keyAlgorithm"] = "ECDSA-P256", ["signingAlgorithm"] = "ECDSA-WITH-SHA256" });
        await LocalFleet.RotatorSaysAsync(device, "Configured: ECDSA-P256");
        await fleet.CreateRotationJobAsync("rotate-2", "gateway-01");
        await LocalFleet.RotatorSaysAsync(device, "Committed -> Idle", times: 2);
        canaries.Add(CanaryOf(device));
        // One that fails, with its reasons and its notification.
        var stranger = await fleet.Aws.JsonAsync("iot", "create-keys-and-certificate", "--set-as-active");
        await fleet.Aws.JsonAsync("iot", "attach-thing-principal", "--thing-name", "gateway-01", "--principal", stranger.GetProperty("certificateArn").GetString()!);
        await fleet.CreateRotationJobAsync("rotate-3", "gateway-01");
        Assert.Equal("FAILED", (await fleet.ExecutionEndAsync("rotate-3", "gateway-01")).GetProperty("status").GetString());
        foreach (var command in (string[])["status", "recover"])
        {
            var told = await Shell.RunAsync(Tools.All.Component, [command, "--root", device.Root]);
            await File.WriteAllTextAsync(fleet.DirectoryOf(command + ".txt"), told.Output + told.Error, TestContext.Current.CancellationToken);
        }
        using var http = new HttpClient();
        await File.WriteAllTextAsync(fleet.DirectoryOf("page.html"), await http.GetStringAsync(fleet.Cloud.Management, TestContext.Current.CancellationToken), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(fleet.DirectoryOf("notifications.json"), (await fleet.NotificationsAsync()).GetRawText(), TestContext.Current.CancellationToken);

        Assert.NotEmpty(listener.Heard);
        Assert.All(listener.Heard, m => Assert.False(canaries.Exists(c => c.IsIn(m.Payload)), $"a message on {m.Topic} has a private key"));
        var keyFiles = new List<string>();
        // Links are not followed: each file counts once.
        var everything = new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };
        foreach (var file in Directory.EnumerateFiles(fleet.DirectoryOf(""), "*", everything))
        {
            if (Path.GetExtension(file) is not (".socket" or ".lock") && canaries.Exists(c => c.IsIn(ReadShared(file))))
                keyFiles.Add(file);
        }

        // The one in use, in its generation; the earlier ones are gone altogether.
        Assert.True(keyFiles.Count == 1, string.Join('\n', keyFiles));
        var only = keyFiles[0];
        Assert.StartsWith(Path.Combine(device.Root, "certificate-rotator", "credentials"), only, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(only));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(device.Root, "work", LocalFleet.Rotator)));
        Assert.DoesNotContain(Directory.EnumerateFiles(fleet.DirectoryOf(""), "core*", SearchOption.AllDirectories), f => Path.GetFileName(f) is "core" || Path.GetFileName(f).StartsWith("core.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_search_finds_a_key_in_whatever_form(bool elliptic)
    {
        using AsymmetricAlgorithm key = elliptic ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(2048);
        using AsymmetricAlgorithm other = elliptic ? ECDsa.Create(ECCurve.NamedCurves.nistP256) : RSA.Create(2048);
        var canary = new KeyCanary(key.ExportPkcs8PrivateKeyPem());
        var der = key.ExportPkcs8PrivateKey();
        string[] forms =
        [
            key.ExportPkcs8PrivateKeyPem(), key.ExportPkcs8PrivateKeyPem().Replace("\n", "\\n", StringComparison.Ordinal), new JsonObject { ["a"] = key.ExportPkcs8PrivateKeyPem() }.ToJsonString(),
            Convert.ToBase64String(der), "x" + Convert.ToBase64String([1, .. der]), Convert.ToBase64String([1, 2, .. der]).Replace('+', '-').Replace('/', '_'),
            Convert.ToHexString(der), Convert.ToHexStringLower(der), string.Join(':', der.Select(b => b.ToString("x2", System.Globalization.CultureInfo.InvariantCulture))), Encoding.Latin1.GetString(der),
        ];

        Assert.All(forms, f => Assert.True(canary.IsIn(Encoding.Latin1.GetBytes("before " + f + " after")), f));
        Assert.False(canary.IsIn(Encoding.Latin1.GetBytes(other.ExportPkcs8PrivateKeyPem() + key.ExportSubjectPublicKeyInfoPem())));
    }

    private static KeyCanary CanaryOf(DemoDevice device) => new(File.ReadAllText(Path.Combine(device.Root, "privKey.key")));

    private static byte[] ReadShared(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var content = new MemoryStream();
        stream.CopyTo(content);
        return content.ToArray();
    }
}
