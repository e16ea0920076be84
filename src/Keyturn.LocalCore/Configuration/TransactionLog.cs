using System.Text.Json;
using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Configuration;

/// <summary>One line of <c>config.tlog</c>.</summary>
/// <param name="Timestamp">Milliseconds since the epoch.</param>
internal sealed record LogEntry(long Timestamp, IReadOnlyList<string> Path, string What, JsonNode? Value)
{
    public const string Changed = "changed";
    public const string Removed = "removed";
    public const string InteriorAdded = "interiorAdded";
    public const string TimestampUpdated = "timestampUpdated";

    public string ToLine()
    {
        var line = new JsonObject
        {
            ["TS"] = Timestamp,
            ["TP"] = new JsonArray([.. Path.Select(p => JsonValue.Create(p))]),
            ["W"] = What,
        };
        if (What == Changed)
            line["V"] = Value?.DeepClone();
        return line.ToJsonString();
    }

    public static LogEntry Parse(string line)
    {
        try
        {
            var json = JsonNode.Parse(line) as JsonObject ?? throw new InvalidDataException("not a JSON object");
            var path = json["TP"]?.AsArray().Select(n => n!.GetValue<string>()).ToList() ?? throw new InvalidDataException("no TP");
            var what = json["W"]?.GetValue<string>() ?? Changed;
            if (what is not (Changed or Removed or InteriorAdded or TimestampUpdated))
                throw new InvalidDataException($"unknown W '{what}'");
            return new(json["TS"]?.GetValue<long>() ?? 0, path, what, json["V"]?.DeepClone());
        }
        catch (Exception problem) when (problem is JsonException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException(problem.Message, problem);
        }
    }
}

/// <summary>
/// <c>config/config.tlog</c>, the authority on the configuration, and <c>config/effectiveConfig.yaml</c>, a copy for people
/// that is as old as the last load, launch or soft shutdown.
/// </summary>
internal sealed class TransactionLog : IDisposable
{
    private readonly StreamWriter writer;

    private TransactionLog(StreamWriter writer) => this.writer = writer;

    public static string PathIn(string root) => Path.Combine(root, "config", "config.tlog");

    public static string EffectivePathIn(string root) => Path.Combine(root, "config", "effectiveConfig.yaml");

    /// <summary>Reads the configuration under a Greengrass root and keeps its log open for what changes.</summary>
    /// <exception cref="InvalidDataException">A line of the log is not an entry.</exception>
    public static (ConfigurationStore Store, TransactionLog Log) Open(string root)
    {
        var replayed = Load(root);
        // The log is written anew at each load: it would only grow otherwise.
        Write(PathIn(root), string.Concat(replayed.Snapshot().Select(e => e.ToLine() + "\n")));
        var log = new TransactionLog(new(PathIn(root), append: true) { AutoFlush = true });
        var store = new ConfigurationStore(entry => log.writer.WriteLine(entry.ToLine()));
        foreach (var entry in replayed.Snapshot())
            store.Replay(entry);
        return (store, log);
    }

    /// <summary>Reads the configuration and changes nothing.</summary>
    public static ConfigurationStore Load(string root)
    {
        var store = new ConfigurationStore();
        var number = 0;
        foreach (var line in File.ReadLines(PathIn(root)))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line))
                continue;
            try
            {
                store.Replay(LogEntry.Parse(line));
            }
            catch (InvalidDataException problem)
            {
                throw new InvalidDataException($"{PathIn(root)} line {number} is not an entry of the log: {problem.Message}", problem);
            }
        }
        return store;
    }

    public static void WriteEffective(string root, ConfigurationStore store) =>
        Write(EffectivePathIn(root), YamlText.Write((JsonObject)store.Read()!));

    public void Dispose() => writer.Dispose();

    private static void Write(string path, string text)
    {
        var temporary = path + "+";
        File.Delete(temporary);
        using (var stream = new FileStream(temporary, new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            stream.Write(System.Text.Encoding.UTF8.GetBytes(text));
            stream.Flush(flushToDisk: true);
        }
        Posix.Replace(temporary, path);
    }
}
