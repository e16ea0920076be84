using System.Text.RegularExpressions;

namespace Keyturn.Architecture.Tests;

public sealed partial class Layers
{
    [Fact]
    public void The_rotation_of_the_device_opens_no_file_no_socket_and_no_clock()
    {
        var sources = Repository.Sources("src/Keyturn.Device/Rotation").ToList();

        Assert.NotEmpty(sources);
        Assert.All(sources, file =>
            Assert.DoesNotMatch(@"\b(System\.IO|System\.Net|TimeProvider|Stopwatch|File|Directory|Socket|Environment)\s*\.", Code(file)));
    }

    [Theory]
    [InlineData("Rotation", "Credentials|Storage|Greengrass")]
    [InlineData("Storage", "Credentials|Greengrass")]
    [InlineData("Credentials", "Greengrass")]
    public void A_layer_of_the_device_does_not_look_up(string layer, string above)
    {
        var sources = Repository.Sources($"src/Keyturn.Device/{layer}").ToList();

        Assert.NotEmpty(sources);
        Assert.All(sources, file => Assert.DoesNotMatch($@"using Keyturn\.Device\.({above});", File.ReadAllText(file)));
    }

    [Fact]
    public void Every_log_event_of_a_project_has_a_number_of_its_own()
    {
        var projects = Repository.Sources("src").Where(IsLog).GroupBy(file => Repository.Relative(file).Split('/')[1]).ToList();

        Assert.NotEmpty(projects);
        Assert.All(projects, project =>
        {
            var numbers = project.SelectMany(file => EventId().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).ToList();
            Assert.NotEmpty(numbers);
            Assert.Equal(numbers.Distinct(), numbers);
        });
    }

    [Fact]
    public void Log_messages_are_declared_in_Log_files_only() =>
        Assert.All(
            Repository.Sources("src").Where(file => !IsLog(file)),
            file => Assert.DoesNotContain("[LoggerMessage", File.ReadAllText(file)));

    [Fact]
    public void No_file_of_the_product_is_longer_than_a_reader_holds() =>
        Assert.All(Repository.Sources("src"), file =>
            Assert.True(File.ReadLines(file).Count() <= 400, $"{Repository.Relative(file)} has more than 400 lines; split it"));

    /// <summary>Log.cs, or Log.Part.cs where a project has many parts.</summary>
    private static bool IsLog(string file) => Path.GetFileName(file).Split('.') is ["Log", .., "cs"];

    /// <summary>The file without comments: a doc comment may speak of clocks.</summary>
    private static string Code(string file) =>
        string.Join('\n', File.ReadLines(file).Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal)));

    [GeneratedRegex(@"\[LoggerMessage\((?:EventId\s*=\s*)?(\d+)")]
    private static partial Regex EventId();
}
