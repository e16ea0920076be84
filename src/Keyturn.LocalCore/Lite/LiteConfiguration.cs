using System.Text.Json.Nodes;
using Keyturn.LocalCore.Configuration;

namespace Keyturn.LocalCore.Lite;

/// <summary>The configuration that lite keeps: its file, what recipes have by default, and what components have set since.</summary>
internal static class LiteConfiguration
{
    /// <summary>Nothing that was set is older.</summary>
    private const long Default = 1;

    public static (ConfigurationStore Store, IDisposable Kept) Open(LiteSettings settings)
    {
        var path = Path.Combine(settings.Root, "config.db");
        string[] kept = File.Exists(path) ? File.ReadAllLines(path) : [];
        var writer = new StreamWriter(path, append: true) { AutoFlush = true };
        var store = new ConfigurationStore(entry =>
        {
            // What comes from files comes from them again.
            if (entry.Timestamp > Default)
                writer.WriteLine(entry.ToLine());
        });
        foreach (var line in kept)
            store.Replay(LogEntry.Parse(line));
        store.Merge([], settings.Document, Default);
        foreach (var recipe in LiteInstallation.Installed(settings.Root))
            store.Merge(["services", recipe.Name, "configuration"], (JsonObject)recipe.DefaultConfiguration.DeepClone(), Default);
        return (store, writer);
    }
}
