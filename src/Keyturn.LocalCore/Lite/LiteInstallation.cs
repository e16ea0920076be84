using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Provisioning;

namespace Keyturn.LocalCore.Lite;

/// <summary>A root of nucleus lite: its configuration, its credential, the recipes and artifacts of its components.</summary>
internal static class LiteInstallation
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Readable = OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static bool IsIn(string root) => File.Exists(LiteSettings.PathIn(root));

    public static void Write(string root, CoreIdentity core)
    {
        foreach (var directory in new[] { "credentials", "packages/recipes", "run/units", "work", "logs" })
            Directory.CreateDirectory(Path.Combine(root, directory));
        WriteFile(Path.Combine(root, "credentials", "private.pem.key"), core.PrivateKeyPem!, OwnerOnly);
        WriteFile(Path.Combine(root, "credentials", "device.pem.crt"), core.CertificatePem, OwnerOnly);
        WriteFile(Path.Combine(root, "credentials", "AmazonRootCA1.pem"), core.RootCaPem, Readable);
        WriteFile(LiteSettings.PathIn(root), YamlText.Write(Configuration(root, core)), Readable);
    }

    /// <summary>As a deployment leaves it: what the daemons and the component's unit need, for their next start.</summary>
    public static Recipe Install(string root, string recipePath, string? executable)
    {
        var recipe = Recipe.Load(recipePath);
        _ = LiteRecipe.Load(recipePath);
        if (executable is not null)
            Deployment.PlaceExecutable(root, recipe, executable);
        File.Copy(recipePath, RecipeOf(root, recipe.Name), overwrite: true);
        return recipe;
    }

    public static string RecipeOf(string root, string component) => Path.Combine(root, "packages", "recipes", component + ".yaml");

    public static IEnumerable<LiteRecipe> Installed(string root) =>
        Directory.EnumerateFiles(Path.Combine(root, "packages", "recipes"), "*.yaml").Order(StringComparer.Ordinal).Select(LiteRecipe.Load);

    private static JsonObject Configuration(string root, CoreIdentity core)
    {
        var (host, port) = Installation.Split(core.DataEndpoint, 8883);
        return new()
        {
            ["system"] = new JsonObject
            {
                ["privateKeyPath"] = Path.Combine(root, "credentials", "private.pem.key"),
                ["certificateFilePath"] = Path.Combine(root, "credentials", "device.pem.crt"),
                ["rootCaPath"] = Path.Combine(root, "credentials", "AmazonRootCA1.pem"),
                ["rootPath"] = root,
                ["thingName"] = core.Thing,
            },
            ["services"] = new JsonObject
            {
                [LiteSettings.Component] = new JsonObject
                {
                    ["componentType"] = "NUCLEUS",
                    ["configuration"] = new JsonObject
                    {
                        ["awsRegion"] = core.Region,
                        ["iotCredEndpoint"] = core.CredentialEndpoint,
                        ["iotDataEndpoint"] = host,
                        ["iotRoleAlias"] = TokenExchange.Alias,
                        ["mqtt"] = new JsonObject { ["port"] = port },
                    },
                },
            },
        };
    }

    private static void WriteFile(string path, string text, UnixFileMode mode)
    {
        using var stream = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = mode });
        stream.Write(Encoding.UTF8.GetBytes(text));
        stream.Flush(flushToDisk: true);
    }
}
