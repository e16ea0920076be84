using Spectre.Console;

namespace Keyturn.Cli.Demo;

/// <summary>What a person sees while the demo runs. Always on standard error, so that standard output stays the result's.</summary>
internal interface IDemoScreen : IAsyncDisposable
{
    void Say(string text);

    void Show(IReadOnlyList<WatchedRotation> rotations, TimeSpan elapsed);
}

internal static class DemoScreen
{
    public static IDemoScreen For(DemoOptions options)
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) });
        if (Console.IsErrorRedirected)
            console.Profile.Width = DemoReport.WidthOfAPipe;
        return options.Json || Console.IsErrorRedirected ? new LineScreen(console) : new TableScreen(console);
    }
}

/// <summary>A line for each change: for logs and pipes.</summary>
internal sealed class LineScreen(IAnsiConsole console) : IDemoScreen
{
    private readonly Dictionary<string, string> last = [];

    public void Say(string text) => console.WriteLine(text);

    public void Show(IReadOnlyList<WatchedRotation> rotations, TimeSpan elapsed)
    {
        foreach (var rotation in rotations)
        {
            var state = $"{rotation.Status}: {rotation.Steps[^1].Step}";
            if (last.GetValueOrDefault(rotation.Device.Thing) == state)
                continue;
            last[rotation.Device.Thing] = state;
            console.WriteLine($"{elapsed.TotalSeconds,6:0.0} s  {rotation.Device.Thing}  {state}");
        }
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}

/// <summary>A table that is drawn again at every change: for a terminal.</summary>
internal sealed class TableScreen(IAnsiConsole console) : IDemoScreen
{
    private LiveDisplayContext? live;
    private Task? drawing;
    private readonly TaskCompletionSource over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void Say(string text)
    {
        if (live is null)
            console.MarkupLineInterpolated($"[grey]{text}[/]");
    }

    public void Show(IReadOnlyList<WatchedRotation> rotations, TimeSpan elapsed)
    {
        var table = Draw(rotations, elapsed);
        if (live is null)
        {
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            drawing = console.Live(table).StartAsync(context =>
            {
                live = context;
                started.SetResult();
                return over.Task;
            });
            started.Task.Wait();
        }

        live!.UpdateTarget(table);
    }

    public async ValueTask DisposeAsync()
    {
        over.TrySetResult();
        if (drawing is not null)
            await drawing;
    }

    internal static Table Draw(IReadOnlyList<WatchedRotation> rotations, TimeSpan elapsed)
    {
        var table = new Table().Border(TableBorder.Rounded).Caption($"{elapsed.TotalSeconds:0.0} s");
        table.AddColumns("Device", "Job", "Step", "Seconds");
        foreach (var rotation in rotations)
        {
            table.AddRow(
                new Text(rotation.Device.Thing),
                new Text(rotation.Status, StyleOf(rotation.Status)),
                new Text(rotation.Reason ?? rotation.Steps[^1].Step),
                new Text($"{(rotation.Ended ?? elapsed).TotalSeconds:0.0}"));
        }

        return table;
    }

    private static Style StyleOf(string status) => status switch
    {
        "SUCCEEDED" => new Style(Color.Green),
        "IN_PROGRESS" => new Style(Color.Yellow),
        "QUEUED" => new Style(Color.Grey),
        _ => new Style(Color.Red),
    };
}
