using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Keyturn.Cli.Demo;

/// <summary>What the demo prints in the end: a table, or one line of JSON.</summary>
internal sealed record DemoReport(IReadOnlyList<DeviceOutcome> Outcomes, TimeSpan Took)
{
    /// <summary>A pipe has no width; nothing should be folded to guess one.</summary>
    public const int WidthOfAPipe = 160;

    public int Failed => Outcomes.Count(outcome => !outcome.Rotated);

    public void Print(bool json)
    {
        if (json)
            Console.Out.WriteLine(ToJson().ToJsonString(JsonSerializerOptions.Web));
        else
            PrintTable(Terminal());
    }

    private static IAnsiConsole Terminal()
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Console.Profile.Width = WidthOfAPipe;
        return AnsiConsole.Console;
    }

    internal JsonObject ToJson() => new()
    {
        ["devices"] = Outcomes.Count,
        ["rotated"] = Outcomes.Count - Failed,
        ["failed"] = Failed,
        ["seconds"] = Seconds(Took),
        ["details"] = new JsonArray([.. Outcomes.Select(ToJson)]),
    };

    internal void PrintTable(IAnsiConsole console)
    {
        var table = new Table().Border(TableBorder.Rounded);
        table.AddColumns("Device", "Old certificate", "New certificate", "Key", "Seconds", "Steps");
        foreach (var outcome in Outcomes)
        {
            table.AddRow(
                new Text(outcome.Rotation.Device.Thing),
                new Text(Short(outcome.OldCertificateId)),
                new Text(Short(outcome.NewCertificateId), outcome.Rotated ? Color.Green : Color.Red),
                new Text(outcome.KeyAlgorithm ?? "-"),
                new Text($"{Seconds(outcome.Rotation.Ended ?? TimeSpan.Zero):0.0}"),
                new Text(outcome.Fault ?? string.Join("\n", outcome.Rotation.Durations().Select(step => $"{step.Took.TotalSeconds,4:0.0}  {step.Step}"))));
        }

        console.Write(table);
        console.MarkupLineInterpolated(Failed == 0
            ? (FormattableString)$"[green]{Outcomes.Count} of {Outcomes.Count} rotated[/] in {Took.TotalSeconds:0.0} s: each holds a new key and exactly one active certificate."
            : $"[red]{Failed} of {Outcomes.Count} not rotated[/] after {Took.TotalSeconds:0.0} s.");
    }

    private static JsonObject ToJson(DeviceOutcome outcome) => new()
    {
        ["thing"] = outcome.Rotation.Device.Thing,
        ["rotated"] = outcome.Rotated,
        ["jobStatus"] = outcome.Rotation.Status,
        ["oldCertificateId"] = outcome.OldCertificateId,
        ["newCertificateId"] = outcome.NewCertificateId,
        ["keyAlgorithm"] = outcome.KeyAlgorithm,
        ["seconds"] = Seconds(outcome.Rotation.Ended ?? TimeSpan.Zero),
        ["steps"] = new JsonArray([.. outcome.Rotation.Durations().Select(step =>
            (JsonNode)new JsonObject { ["step"] = step.Step, ["seconds"] = Seconds(step.Took) })]),
        ["fault"] = outcome.Fault,
    };

    private static double Seconds(TimeSpan time) => Math.Round(time.TotalSeconds, 1);

    /// <summary>Enough of the 64 digits to tell two apart.</summary>
    private static string Short(string? certificateId) => certificateId is null ? "-" : string.Create(CultureInfo.InvariantCulture, $"{certificateId[..12]}…");
}
