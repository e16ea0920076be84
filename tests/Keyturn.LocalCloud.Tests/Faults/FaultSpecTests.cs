using Keyturn.LocalCloud.Faults;
using Keyturn.LocalCloud.Tests.Hosting;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.LocalCloud.Tests.Faults;

public sealed class FaultSpecTests
{
    [Theory]
    [InlineData("explode topic=a", "'explode' is none of drop, duplicate")]
    [InlineData("drop", "it needs topic=")]
    [InlineData("drop topic=a#/b", "'a#/b' is not a topic filter")]
    [InlineData("drop topic=a by=5s", "'by' does not belong to drop")]
    [InlineData("drop topic=a share=2", "share=2 is not above 0")]
    [InlineData("delay topic=a by=5", "'5' is not a time")]
    [InlineData("throttle call=iot:CreateThing nth=0", "'0' is not a number from 1 on")]
    [InlineData("refuse certificate=XYZ", "certificate is new, all, or")]
    [InlineData("freeze plane=moon", "'moon' is none of api, https, mqtt")]
    [InlineData("drop topic=a topic=b", "'topic' is given twice")]
    [InlineData("drop a", "'a' is not of the form name=value")]
    public void A_fault_that_is_not_one_says_why(string text, string why) =>
        Assert.Contains(why, Assert.Throws<FormatException>(() => FaultSpec.ParseAll(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Faults_stand_on_lines_or_between_semicolons_and_comments_don_t_count()
    {
        var faults = FaultSpec.ParseAll("# the evening shift\ndrop topic=$aws/events/#; fail call=iot:*\n\nkill nth=3\n");
        Assert.Equal(["drop topic=$aws/events/#", "fail call=iot:*", "kill nth=3"], faults.Select(f => f.Text));
        Assert.Equal((3, 1), (faults[2].Nth, faults[2].Times));
    }

    [Theory]
    [InlineData("--faults", "explode topic=a", "neither a fault nor a file")]
    [InlineData("--faults", "drop topic=a#", "'a#' is not a topic filter")]
    [InlineData("--faults", "kill function=nobody", "there is no function like nobody; there are bash-")]
    [InlineData("--faults", "fail call=iot:Nonsense", "no call of this cloud is like iot:Nonsense")]
    [InlineData("--seed", "minus", "--seed minus is not a number")]
    public async Task A_wrong_option_is_one_line_and_nothing_is_started(string option, string value, string why)
    {
        using var process = LocalCloudProcess.Start(
            option, value, "--template", LocalCloudProcess.Template, "--function-executable", LocalCloudProcess.Function, "--api-port", "0", "--mqtt-port", "0");
        var error = (await process.StandardError.ReadToEndAsync()).TrimEnd().Split('\n')[^1];
        await process.WaitForExitAsync();

        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith("local-cloud: ", error, StringComparison.Ordinal);
        Assert.Contains(why, error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_seed_gives_the_same_faults_whatever_else_goes_on()
    {
        List<TimeSpan> first = Draw(7, disturbed: false), second = Draw(7, disturbed: true);

        Assert.Equal(first, second);
        Assert.NotEqual(first, Draw(8, disturbed: false));
        Assert.InRange(first.Count(d => d > TimeSpan.Zero), 20, 80);

        static List<TimeSpan> Draw(int seed, bool disturbed)
        {
            var book = new FaultBook(seed, TimeProvider.System, () => [], NullLogger.Instance);
            book.Add(FaultSpec.ParseAll("reorder topic=a share=0.5 by=1s; duplicate topic=b share=0.3"));
            var plans = new List<TimeSpan>();
            for (var i = 0; i < 100; i++)
            {
                if (disturbed)
                    book.Plan("b");
                plans.Add(book.Plan("a").Single());
            }

            return plans;
        }
    }
}
