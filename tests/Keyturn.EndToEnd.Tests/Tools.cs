using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Keyturn.Cli.Demo;

[assembly: SupportedOSPlatform("linux")]

namespace Keyturn.EndToEnd.Tests;

/// <summary>The executables under test. script/test builds them and says where they are; from an IDE, script/build has put them there.</summary>
internal static class Tools
{
    public static string Root { get; } = FindRoot();

    public static DemoTools All { get; } = new(
        At("KEYTURN_LOCAL_CLOUD", "artifacts/bin/Keyturn.LocalCloud/release/local-cloud"),
        At("KEYTURN_LOCAL_CORE", "artifacts/bin/Keyturn.LocalCore/release/local-core"),
        At("KEYTURN_COMPONENT", $"artifacts/publish/Keyturn.Device/release_{Rid}/certificate-rotator"),
        At("KEYTURN_RECIPE", "src/Keyturn.Device/recipe.yaml"),
        At("KEYTURN_FUNCTION", $"artifacts/publish/Keyturn.Lambda/release_{Rid}/bootstrap"),
        At("KEYTURN_TEMPLATE", "infra/AWSLabsCertificateRotator.template.json"));

    public static string Keyturn { get; } = At("KEYTURN_CLI", "artifacts/bin/Keyturn.Cli/release/keyturn");

    public static string Rid => RuntimeInformation.OSArchitecture == Architecture.Arm64 ? "linux-arm64" : "linux-x64";

    private static string At(string variable, string fallback)
    {
        var path = Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given ? given : Path.Combine(Root, fallback);
        return File.Exists(path) ? path : throw new FileNotFoundException("Run script/build first", path);
    }

    private static string FindRoot()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Keyturn.slnx")))
            directory = Path.GetDirectoryName(directory) ?? throw new InvalidOperationException("No Keyturn.slnx above the test");
        return directory;
    }
}
