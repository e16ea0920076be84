using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Lite;

/// <summary>
/// Who may speak at lite's socket: who has a token that this process has given out, and whose systemd unit is that of the component that it says to be.
/// </summary>
internal sealed class LiteClients(string root)
{
    public const string SocketName = "gg-ipc.socket";

    private const int MaxMessageBytes = 10_000, MaxClients = 50;
    private const string TokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

    private readonly ConcurrentDictionary<string, string> tokens = [];

    public IpcManner Manner => new(MaxMessageBytes, MaxClients, Introduce);

    public static string UnitOf(string component) => $"ggl.{component}.service";

    private Introduced? Introduce(ReadOnlyMemory<byte> payload, int peer)
    {
        try
        {
            var connect = JsonNode.Parse(payload.Span) as JsonObject;
            if (connect?["authToken"]?.ToString() is { } token)
                return tokens.TryGetValue(token, out var owner) ? new(owner) : null;
            if (connect?["componentName"]?.ToString() is not { } component || !BelongsTo(peer, UnitOf(component)))
                return null;
            var issued = RandomNumberGenerator.GetString(TokenAlphabet, 16);
            tokens[issued] = component;
            return new(component, issued);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>By the kernel's word, or, without systemd, by that of who stands for it.</summary>
    private bool BelongsTo(int process, string unit)
    {
        try
        {
            return File.ReadLines($"/proc/{process}/cgroup").Any(line => line.EndsWith("/" + unit, StringComparison.Ordinal))
                || Units.Read(root, unit)?.ProcessId == process;
        }
        catch (IOException)
        {
            return false;
        }
    }
}

/// <summary>Where the loader writes down which unit runs as which process, as systemd would know.</summary>
internal static class Units
{
    public static (int ProcessId, string Invocation)? Read(string root, string unit)
    {
        var path = PathOf(root, unit);
        return File.Exists(path) && File.ReadAllText(path).Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries) is [var process, var invocation]
            ? (int.Parse(process, CultureInfo.InvariantCulture), invocation)
            : null;
    }

    public static void Write(string root, string unit, int process, string invocation)
    {
        var path = PathOf(root, unit);
        File.WriteAllText(path + "+", string.Create(CultureInfo.InvariantCulture, $"{process} {invocation}\n"));
        Posix.Replace(path + "+", path);
    }

    private static string PathOf(string root, string unit) => Path.Combine(root, "run", "units", unit);
}
