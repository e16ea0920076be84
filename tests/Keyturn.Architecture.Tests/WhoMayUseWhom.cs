namespace Keyturn.Architecture.Tests;

public sealed class WhoMayUseWhom
{
    /// <summary>
    /// The table of docs/tour.md. The stand-ins share no code with the product, so that a mistake in a message or a codec can't
    /// cancel itself out.
    /// </summary>
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Greengrass.Ipc"] = [],
        ["Keyturn.Contracts"] = [],
        ["Keyturn.Device"] = ["Greengrass.Ipc", "Keyturn.Contracts"],
        ["Keyturn.Backend"] = ["Keyturn.Contracts"],
        ["Keyturn.Backend.Aws"] = ["Keyturn.Backend"],
        ["Keyturn.Lambda"] = ["Keyturn.Backend.Aws"],
        ["Keyturn.Cli"] = ["Keyturn.Backend.Aws"],
        ["Keyturn.LocalCloud"] = [],
        ["Keyturn.LocalCore"] = [],
    };

    [Fact]
    public void Every_project_uses_exactly_those_the_table_allows()
    {
        var actual = Repository.Projects("src").ToDictionary(p => Path.GetFileNameWithoutExtension(p)!, Repository.References);

        Assert.Equal(Allowed.Keys.Order(), actual.Keys.Order());
        Assert.All(Allowed, entry => Assert.Equal(entry.Value.Order(), actual[entry.Key].Order()));
    }

    [Fact]
    public void The_infrastructure_knows_the_product_by_its_packages_only() =>
        Assert.All(Repository.Projects("infra"), project => Assert.Empty(Repository.References(project)));

    [Theory]
    [InlineData("src/Keyturn.LocalCloud")]
    [InlineData("src/Keyturn.LocalCore")]
    public void A_stand_in_compiles_no_file_of_the_product(string folder)
    {
        var project = File.ReadAllText(Repository.Projects(folder).Single());

        Assert.DoesNotContain("<Compile", project);
        Assert.DoesNotContain("<Import", project);
        Assert.All(Repository.Sources(folder), file =>
        {
            var text = File.ReadAllText(file);
            Assert.DoesNotContain("Greengrass.Ipc", text);
            Assert.DoesNotContain("Keyturn.Contracts", text);
        });
    }

    [Theory]
    [InlineData("Greengrass.Ipc")]
    [InlineData("Keyturn.Contracts")]
    public void What_both_sides_share_depends_on_no_package(string name)
    {
        var packages = System.Xml.Linq.XDocument.Load(Repository.Projects($"src/{name}").Single()).Descendants("PackageReference")
            .Where(p => p.Attribute("PrivateAssets")?.Value != "all");

        Assert.Empty(packages);
    }

    [Fact]
    public void The_backend_knows_no_AWS_SDK() =>
        Assert.All(Repository.Sources("src/Keyturn.Backend"), file => Assert.DoesNotContain("using Amazon", File.ReadAllText(file)));
}
