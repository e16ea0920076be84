namespace Keyturn.EndToEnd.Tests.Integration;

/// <summary>Where the suite runs: against stand-ins that it starts itself, or against an account with a fleet of its own. script/integration sets it.</summary>
internal sealed record IntegrationTarget(string? ThingGroup, Uri? Endpoint, string? PrivateCa)
{
    public static IntegrationTarget FromEnvironment()
    {
        var group = Variable("KEYTURN_THING_GROUP");
        return Variable("KEYTURN_TARGET") switch
        {
            null or "local" => new IntegrationTarget(null, null, null),
            "aws" when group is not null => new IntegrationTarget(
                group, Variable("KEYTURN_ENDPOINT_URL") is { } url ? new Uri(url) : null, Variable("KEYTURN_PCA")),
            "aws" => throw new InvalidOperationException("KEYTURN_TARGET is aws, but KEYTURN_THING_GROUP names no thing group; nothing was changed. Use script/integration"),
            var other => throw new InvalidOperationException($"KEYTURN_TARGET is '{other}'; it must be local or aws. Nothing was changed. Use script/integration"),
        };
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
