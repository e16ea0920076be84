using System.CommandLine;
using Keyturn.Cli.Demo;

namespace Keyturn.Cli.Tests;

public sealed class CommandLineTests
{
    [Theory]
    [InlineData("--devices 0", "--devices")]
    [InlineData("--devices 1000", "--devices")]
    [InlineData("--devices three", "three")]
    [InlineData("--colour", "--colour")]
    public void A_wrong_option_is_named(string line, string named)
    {
        var parsed = DemoCommand.Create(CancellationToken.None).Parse(line.Split(' '));

        Assert.Contains(named, Assert.Single(parsed.Errors).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Three_devices_unless_told_otherwise() => Assert.Empty(DemoCommand.Create(CancellationToken.None).Parse([]).Errors);
}
