using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.LocalCloud.Tests.Api;

/// <summary>Every operation that is offered is called by some test here: as a command of the AWS CLI, by its own name, or through an SDK.</summary>
public sealed partial class ConformanceTests
{
    [Fact]
    public async Task Every_operation_is_called_by_a_test()
    {
        await using var cloud = new Cloud(
            new CloudOptions { DataDirectory = Path.Combine(Path.GetTempPath(), $"local-cloud-none-{Guid.NewGuid():N}") }, NullLoggerFactory.Instance, TimeProvider.System);
        var tests = await SourcesAsync();
        var uncovered = cloud.Operations
            .Where(o => !tests.Contains($"\"{Command(o.Name)}\"", StringComparison.Ordinal)
                && !tests.Contains($"\"{o.Name}\"", StringComparison.Ordinal)
                && !tests.Contains($".{o.Name}Async(", StringComparison.Ordinal))
            .Select(o => $"{o.Service}:{o.Name}").ToList();
        Assert.True(uncovered.Count == 0, "no test calls " + string.Join(", ", uncovered));
    }

    [Theory]
    [InlineData("ListThingPrincipalsV2", "list-thing-principals-v2")]
    [InlineData("RegisterCACertificate", "register-ca-certificate")]
    [InlineData("ListCertificatesByCA", "list-certificates-by-ca")]
    [InlineData("CreateCertificateFromCsr", "create-certificate-from-csr")]
    public void The_CLI_spells_an_operation_with_hyphens(string operation, string command) => Assert.Equal(command, Command(operation));

    private static string Command(string operation) => Break().Replace(operation, "-").ToLowerInvariant();

    private static async Task<string> SourcesAsync()
    {
        var assembly = typeof(ConformanceTests).Assembly;
        var all = new System.Text.StringBuilder();
        // Not this file: it would cover what it only names.
        foreach (var name in assembly.GetManifestResourceNames().Where(n => n.StartsWith("source/", StringComparison.Ordinal) && !n.EndsWith("ConformanceTests.cs", StringComparison.Ordinal)))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            all.Append(await reader.ReadToEndAsync());
        }

        return all.ToString();
    }

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[0-9])(?=[A-Z])")]
    private static partial Regex Break();
}
