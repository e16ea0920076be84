using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Deployments;

/// <summary>
/// Hands a deployment document to the nucleus that runs over a root directory, and prints how it ended. A nucleus that ends in the middle gets it again
/// when it is back, as IoT Jobs would hand it out again.
/// </summary>
internal static class DeployCommand
{
    public const int DeploymentFailed = 2;

    private const int Tries = 3;
    private static readonly TimeSpan ReturnTime = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(100);

    public static async Task<int> RunAsync(string root, string file, TimeProvider time, CancellationToken cancellation)
    {
        var document = Read(file);
        // A relative name: the absolute one may be too long for a socket address.
        if (!Directory.Exists(root))
            throw new UsageException($"{root} holds no core; name one with --root");
        Environment.CurrentDirectory = root;
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            if (await ConnectAsync(time, cancellation).ConfigureAwait(false) is not { } stream)
                throw new UsageException($"no core runs in {root}; start it with local-core --root {root}");
            using (stream)
            {
                await stream.WriteAsync(Encoding.UTF8.GetBytes(document + "\n"), cancellation).ConfigureAwait(false);
                using var reader = new StreamReader(stream);
                string? line;
                try
                {
                    line = await reader.ReadLineAsync(cancellation).ConfigureAwait(false);
                }
                catch (IOException)
                {
                    line = null;
                }
                if (line is null)
                    continue;
                await Console.Out.WriteLineAsync(line).ConfigureAwait(false);
                return JsonNode.Parse(line)!["status"]!.GetValue<string>() == DeploymentResult.Succeeded ? 0 : DeploymentFailed;
            }
        }
        throw new UsageException($"the nucleus ended {Tries} times before the deployment did; see {Path.Combine(root, "logs", "greengrass.log")}");
    }

    /// <summary>The document in one line, its files by absolute paths and with an id of its own, so that a second hand-over is the same deployment.</summary>
    private static string Read(string file)
    {
        try
        {
            var text = File.ReadAllText(file);
            var parsed = DeploymentDocument.Parse(text);
            var document = JsonNode.Parse(text)!.AsObject();
            document["deploymentId"] = parsed.Id;
            foreach (var component in (document["components"]?.AsObject() ?? []).Select(c => c.Value!.AsObject()))
            {
                foreach (var member in new[] { "recipe", "executable" })
                {
                    if (component[member]?.GetValue<string>() is { } path)
                        component[member] = Path.GetFullPath(path);
                }
            }
            return document.ToJsonString(new JsonSerializerOptions { WriteIndented = false });
        }
        catch (Exception problem) when (problem is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new UsageException($"{file} can't be used as a deployment document: {problem.Message}");
        }
    }

    /// <summary>Waits for a nucleus that is being restarted, but not for one that nobody runs.</summary>
    private static async Task<NetworkStream?> ConnectAsync(TimeProvider time, CancellationToken cancellation)
    {
        var start = time.GetTimestamp();
        while (true)
        {
            var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint("control.socket"), cancellation).ConfigureAwait(false);
                return new(socket, ownsSocket: true);
            }
            catch (SocketException)
            {
                socket.Dispose();
                if (!LocalCoreCommand.IsRunning(".") || time.GetElapsedTime(start) >= ReturnTime)
                    return null;
            }
            await Task.Delay(LookPause, time, cancellation).ConfigureAwait(false);
        }
    }
}
