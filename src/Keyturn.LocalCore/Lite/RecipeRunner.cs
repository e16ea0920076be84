using System.Collections;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Lite;

/// <summary>What the unit of a component starts: it fetches the component's token, and becomes its script.</summary>
internal static class RecipeRunner
{
    private const int ConnectTries = 100;

    private static readonly TimeSpan ConnectPause = TimeSpan.FromMilliseconds(100);

    public static async Task<int> RunAsync(string root, string component, TimeProvider time, CancellationToken cancellation)
    {
        Environment.CurrentDirectory = root;
        var settings = new LiteSettings(root);
        var recipe = LiteRecipe.Load(LiteInstallation.RecipeOf(root, component));
        var script = recipe.Expand(recipe.RunScript ?? throw new RecipeException($"{component} has no run phase"), settings);
        var token = await TokenAsync(component, time, cancellation).ConfigureAwait(false);

        var work = Path.Combine(root, "work", component);
        Directory.CreateDirectory(work);
        var socket = Path.Combine(root, LiteClients.SocketName);
        var environment = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .Select(e => KeyValuePair.Create((string)e.Key, (string?)e.Value ?? "")).Where(e => !ComponentEnvironment.BelongsToThisMachine(e.Key)).ToDictionary();
        environment["SVCUID"] = token;
        environment[ComponentEnvironment.SocketVariable] =
            Encoding.UTF8.GetByteCount(socket) <= ComponentEnvironment.MaxSocketPathBytes ? socket : $"../../{LiteClients.SocketName}";
        environment["AWS_REGION"] = settings.Region;
        Environment.CurrentDirectory = work;
        Posix.Become("/bin/sh", ["/bin/sh", "-c", script], environment.Select(e => $"{e.Key}={e.Value}"));
        return 1;
    }

    private static async Task<string> TokenAsync(string component, TimeProvider time, CancellationToken cancellation)
    {
        using var stream = new NetworkStream(await ConnectAsync(time, cancellation).ConfigureAwait(false), ownsSocket: true);
        await stream.WriteAsync(
            RpcMessage.Encode(MessageType.Connect, 0, 0, [Header.Of(":version", "0.1.0")], Encoding.UTF8.GetBytes(new JsonObject { ["componentName"] = component }.ToJsonString())),
            cancellation).ConfigureAwait(false);
        return (await Frame.ReadAsync(stream, cancellation).ConfigureAwait(false))?.Find("svcuid")?.AsString
            ?? throw new IOException($"{component} is not let in: this process is not of the unit {LiteClients.UnitOf(component)}");
    }

    /// <summary>The daemon behind the socket may be starting.</summary>
    private static async Task<Socket> ConnectAsync(TimeProvider time, CancellationToken cancellation)
    {
        for (var tries = 1; ; tries++)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(LiteClients.SocketName), cancellation).ConfigureAwait(false);
                return socket;
            }
            catch (SocketException problem)
            {
                socket.Dispose();
                if (tries == ConnectTries)
                    throw new IOException($"nobody listens at {LiteClients.SocketName}: {problem.Message}", problem);
            }
            await Task.Delay(ConnectPause, time, cancellation).ConfigureAwait(false);
        }
    }
}
