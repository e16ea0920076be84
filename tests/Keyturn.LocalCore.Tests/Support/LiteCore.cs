using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;
using Keyturn.LocalCore.Lite;
using Keyturn.LocalCore.Provisioning;

namespace Keyturn.LocalCore.Tests.Support;

/// <summary>The real daemons of lite over a root of their own; the test is the component.</summary>
internal sealed class LiteCore : IAsyncDisposable
{
    public const string Component = "com.example.Peer";

    private Process? loader;

    public LiteCore(TestAuthority authority, int mqttPort)
    {
        var (certificate, key) = authority.Issue("pump1");
        LiteInstallation.Write(Root, new("pump1", "us-east-1", certificate, key, authority.RootPem, $"localhost:{mqttPort}", "localhost:8443", "localhost:8443"));
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("lite-").FullName;

    public string SocketPath => Path.Combine(Root, "gg-ipc.socket");

    public string WriteRecipe(string script, string resource = "pumps/+/ask", string phase = "run", string runtime = "\"*\"")
    {
        var path = Path.Combine(Root, "recipe.yaml");
        File.WriteAllText(path, $$"""
            RecipeFormatVersion: "2020-01-25"
            ComponentName: {{Component}}
            ComponentVersion: 1.0.0
            ComponentConfiguration:
              DefaultConfiguration:
                level: 1
                accessControl:
                  aws.greengrass.ipc.mqttproxy:
                    {{Component}}:mqttproxy:1:
                      operations: ["*"]
                      resources: ["{{resource}}"]
            Manifests:
              - Platform: {os: linux, runtime: {{runtime}}}
                Lifecycle:
                  {{phase}}:
                    Script: '{{script}}'
            """);
        return path;
    }

    /// <summary>Without a component of its own: what is installed only counts for its configuration.</summary>
    public async Task StartAsync(string? resource = null)
    {
        LiteInstallation.Install(Root, WriteRecipe("exec sleep 600", resource ?? "pumps/+/ask"), null);
        await StartAsync(["--installed"]);
        Units.Write(Root, LiteClients.UnitOf(Component), Environment.ProcessId, "0");
    }

    public async Task StartAsync(string[] arguments)
    {
        loader = Process.Start(new ProcessStartInfo(TestCore.Executable, ["--root", Root, .. arguments]) { RedirectStandardOutput = true })!;
        Assert.Equal("ready", await loader.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>A connection of this process, which the unit's name lets in.</summary>
    public async Task<(TestClient Client, string Token)> ConnectAsync()
    {
        var client = await TestClient.OpenAsync(SocketPath);
        await client.SendAsync(Connect(new() { ["componentName"] = Component }));
        var ack = await client.ReadAsync();
        Assert.Equal((MessageType.ConnectAck, RpcMessage.ConnectionAccepted), (ack!.Type, ack.Flags));
        return (client, ack.Frame.Find("svcuid")!.AsString!);
    }

    public static byte[] Connect(JsonObject payload) =>
        RpcMessage.Encode(MessageType.Connect, 0, 0, [Header.Of(":version", "0.1.0")], Encoding.UTF8.GetBytes(payload.ToJsonString()));

    /// <summary>Ends a daemon and waits for the next.</summary>
    public async Task RestartAsync(string daemon)
    {
        var before = Units.Read(Root, $"ggl.core.{daemon}.service")!.Value;
        Posix.Signal(before.ProcessId, Posix.SigTerm);
        await Patience.UntilAsync(() => Units.Read(Root, $"ggl.core.{daemon}.service") is { } now && now != before, $"{daemon}'s next start");
        if (daemon == "ggipcd")
            await Patience.UntilAsync(IsListening, "the socket");
    }

    private bool IsListening()
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Connect(new UnixDomainSocketEndPoint(SocketPath));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public string Log(string name) => File.Exists(Path.Combine(Root, "logs", name + ".log")) ? ReadShared(Path.Combine(Root, "logs", name + ".log")) : "";

    /// <summary>Though another process writes it.</summary>
    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    public async Task DisposeLoaderAsync()
    {
        if (loader is not { } running)
            return;
        Posix.Signal(running.Id, Posix.SigTerm);
        await running.WaitForExitAsync(CancellationToken.None);
        running.Dispose();
        loader = null;
    }

    public async ValueTask DisposeAsync()
    {
        await DisposeLoaderAsync();
        Directory.Delete(Root, recursive: true);
    }
}
