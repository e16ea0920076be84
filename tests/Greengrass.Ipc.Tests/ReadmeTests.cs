namespace Greengrass.Ipc.Tests;

public sealed class ReadmeTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task The_example_of_the_readme_works()
    {
        Environment.SetEnvironmentVariable(GreengrassIpcOptions.SocketPathVariable, server.SocketPath);
        Environment.SetEnvironmentVariable(GreengrassIpcOptions.AuthTokenVariable, "TOKEN");

        var example = ReadmeExample.RunAsync();
        await using var nucleus = await server.AcceptAsync();
        await nucleus.AcceptHandshakeAsync();
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(1, "GetConfiguration", """{"value":{}}""");
        await nucleus.ReadAsync();
        await nucleus.RespondAsync(2, "SubscribeToIoTCore", flags: 0);
        await nucleus.SendMessageEventAsync(2, "pumps/7/ask", "hello");
        var answer = await nucleus.ReadAsync();
        await nucleus.RespondAsync(3, "PublishToIoTCore");
        await nucleus.SendAsync(0, 2, 2);
        await example;

        Assert.Equal("""{"topicName":"pumps/7/ask/answer","qos":"0","payload":"aGVsbG8="}""", answer.Payload);
    }

    [Fact]
    public async Task The_example_of_the_readme_is_the_one_that_works()
    {
        var readme = await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "README.md"));
        var source = await File.ReadAllLinesAsync(Path.Combine(AppContext.BaseDirectory, "ReadmeExample.cs"));

        var shown = readme.SkipWhile(line => line != "```csharp").Skip(1).TakeWhile(line => line != "```").ToArray();
        var run = source.SkipWhile(line => line != "    {").Skip(1).TakeWhile(line => line != "    }").Select(line => line.Length == 0 ? "" : line[8..]).ToArray();

        Assert.InRange(shown.Length, 5, 11);
        Assert.Equal(run, shown);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
