using System.Xml.Linq;

namespace Keyturn.Architecture.Tests;

/// <summary>The repository's own files, as these tests read them.</summary>
internal static class Repository
{
    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> Projects(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.csproj", SearchOption.AllDirectories);

    public static IReadOnlySet<string> References(string project) =>
        XDocument.Load(project).Descendants("ProjectReference")
            .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')))
            .ToHashSet();

    public static IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories);

    public static string Relative(string file) => Path.GetRelativePath(Root, file);

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Keyturn.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("No Keyturn.slnx above the test");
        return directory;
    }
}
