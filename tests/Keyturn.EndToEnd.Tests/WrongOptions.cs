namespace Keyturn.EndToEnd.Tests;

public sealed class WrongOptions
{
    public static TheoryData<string, string, string> Lines => new()
    {
        { "keyturn", "demo --devices none", "none" },
        { "keyturn", "demo --devices 0", "--devices" },
        { "keyturn", "demo --colour", "--colour" },
        { "keyturn", "demo --store hsm", "'hsm'" },
        { "keyturn", "rotate-everything", "rotate-everything" },
        { "local-cloud", "--api-port eighty", "eighty" },
        { "local-cloud", "--api-port 70000", "70000" },
        { "local-cloud", "--port 4566", "--port" },
        { "local-cloud", "--template /nowhere/template.json --api-port 0", "/nowhere/template.json" },
        { "local-core", "--provision http://127.0.0.1:1 --root /tmp/x", "--thing" },
        { "local-core", "--provision not-a-url --thing a --root /tmp/x", "not-a-url" },
        { "local-core", "--root /nowhere/greengrass", "/nowhere/greengrass" },
        { "local-core", "--devices 3", "--devices" },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Of_a_tool_give_one_line_that_names_what_is_wrong(string tool, string line, string named)
    {
        var executable = tool switch { "keyturn" => Tools.Keyturn, "local-cloud" => Tools.All.LocalCloud, _ => Tools.All.LocalCore };

        var result = await Shell.RunAsync(executable, line.Split(' '));

        Assert.Equal(1, result.ExitCode);
        var message = Assert.Single(result.ErrorLines);
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.Empty(result.Output);
    }

    [Fact]
    public async Task Of_the_component_without_a_nucleus_are_one_line_and_leave_the_device_as_it_is()
    {
        var root = Directory.CreateTempSubdirectory("keyturn-alone-").FullName;

        var result = await Shell.RunAsync(Tools.All.Component, ["run", "--root", root]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("Nothing was changed", Assert.Single(result.ErrorLines), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(root));
        Directory.Delete(root);
    }

    [Theory]
    [InlineData("script/bootstrap", "everything")]
    [InlineData("script/bench", "nothing")]
    public async Task Of_a_script_give_one_line_too(string script, string option)
    {
        var result = await Shell.RunAsync(Path.Combine(Tools.Root, script), [option], patience: TimeSpan.FromMinutes(2));

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(option, Assert.Single(result.ErrorLines), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--everything", "--everything")]
    [InlineData("--target moon", "moon")]
    [InlineData("--target aws", "--thing-group")]
    [InlineData("--thing-group pumps", "--target aws")]
    [InlineData("--target", "--target")]
    public async Task Of_the_integration_suite_change_nothing_and_say_what_to_write(string line, string named)
    {
        var result = await Shell.RunAsync(Path.Combine(Tools.Root, "script/integration"), line.Split(' '), patience: TimeSpan.FromMinutes(1));

        Assert.Equal(1, result.ExitCode);
        var message = Assert.Single(result.ErrorLines);
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", message, StringComparison.Ordinal);
    }
}
