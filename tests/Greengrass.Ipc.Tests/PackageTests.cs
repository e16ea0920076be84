using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;

namespace Greengrass.Ipc.Tests;

/// <summary>The package as it would be published, made from what is built.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("ipc-pack-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Has_the_library_its_documentation_the_readme_and_no_dependency()
    {
        var root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Keyturn.slnx")))
            root = Path.GetDirectoryName(root)!;
        var configuration = AppContext.BaseDirectory.TrimEnd('/').EndsWith("release", StringComparison.Ordinal) ? "Release" : "Debug";
        using var pack = Process.Start(new ProcessStartInfo("dotnet",
            ["pack", Path.Combine(root, "src", "Greengrass.Ipc"), "--no-build", "--configuration", configuration, "--output", _directory, "--nologo", "--disable-build-servers"])
        {
            RedirectStandardOutput = true,
        })!;
        var said = await pack.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await pack.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(pack.ExitCode == 0, said);

        Assert.Single(Directory.GetFiles(_directory, "*.snupkg"));
        await using var package = await ZipFile.OpenReadAsync(Assert.Single(Directory.GetFiles(_directory, "*.nupkg")), TestContext.Current.CancellationToken);
        string[] files = [.. package.Entries.Select(e => e.FullName)];
        Assert.Contains("lib/net10.0/Greengrass.Ipc.dll", files);
        Assert.Contains("lib/net10.0/Greengrass.Ipc.xml", files);
        Assert.Contains("README.md", files);
        await using var nuspec = await package.GetEntry("Greengrass.Ipc.nuspec")!.OpenAsync(TestContext.Current.CancellationToken);
        var metadata = (await XDocument.LoadAsync(nuspec, LoadOptions.None, TestContext.Current.CancellationToken)).Root!.Elements().Single();
        string? Value(string name) => metadata.Elements().SingleOrDefault(e => e.Name.LocalName == name)?.Value;
        Assert.Equal(("Greengrass.Ipc", "Apache-2.0", "README.md"), (Value("id"), Value("license"), Value("readme")));
        Assert.NotEmpty(Value("description")!);
        Assert.Contains("greengrass", Value("tags"), StringComparison.Ordinal);
        Assert.DoesNotContain(metadata.Descendants(), e => e.Name.LocalName == "dependency");
    }
}
