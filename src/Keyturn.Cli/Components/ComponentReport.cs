using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Keyturn.Cli.Components;

/// <summary>What was done, as a table for a person or one line of JSON for a script.</summary>
internal static class ComponentReport
{
    public static void Print(bool json, IReadOnlyList<(string Name, object Value)> facts)
    {
        if (json)
        {
            var line = new JsonObject(facts.Select(f => KeyValuePair.Create(f.Name, f.Value is int number ? number : (JsonNode?)f.Value.ToString())));
            Console.Out.WriteLine(line.ToJsonString(JsonSerializerOptions.Web));
            return;
        }

        if (Console.IsOutputRedirected)
            AnsiConsole.Console.Profile.Width = 160;
        var table = new Table().Border(TableBorder.Rounded).HideHeaders().AddColumns("", "");
        foreach (var (name, value) in facts)
            table.AddRow(new Text(name), new Text($"{value}"));
        AnsiConsole.Console.Write(table);
    }
}
