namespace Keyturn.Cli.Demo;

/// <summary>What the demo runs and where the executables lie; script/demo fills in the latter.</summary>
internal sealed record DemoOptions
{
    public required int Devices { get; init; }

    /// <summary>Where the devices keep their keys: <c>file</c>, <c>softhsm</c> or <c>tpm</c>.</summary>
    public required string Store { get; init; }

    public required bool Json { get; init; }

    public required TimeSpan Patience { get; init; }

    /// <summary>Where the logs of every process are left; null: nowhere.</summary>
    public required string? Logs { get; init; }

    public required DemoTools Tools { get; init; }
}

internal sealed record DemoTools(string LocalCloud, string LocalCore, string Component, string Recipe, string Function, string Template)
{
    public static DemoTools FromEnvironment() => new(
        Find("KEYTURN_LOCAL_CLOUD"), Find("KEYTURN_LOCAL_CORE"), Find("KEYTURN_COMPONENT"),
        Find("KEYTURN_RECIPE"), Find("KEYTURN_FUNCTION"), Find("KEYTURN_TEMPLATE"));

    private static string Find(string variable)
    {
        var path = Environment.GetEnvironmentVariable(variable);
        return path switch
        {
            null or "" => throw new UserException(
                $"the demo needs {variable} to name a file of this repository. Nothing was started. Run script/demo, which builds and sets it."),
            _ when !File.Exists(path) => throw new UserException(
                $"{variable} names {path}, which does not exist. Nothing was started. Run script/demo, which builds it."),
            _ => path,
        };
    }
}
