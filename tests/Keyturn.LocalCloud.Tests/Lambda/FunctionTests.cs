using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Lambda;

/// <summary>Against a function in bash, so that nothing of ours is on both sides of the Runtime API.</summary>
public sealed class FunctionTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task The_answer_of_a_function_is_the_answer_of_the_invocation()
    {
        Assert.Equal("""{"n":1}""", (await InvokeAsync("bash-echo", """{"n":1}""")).Payload);
    }

    [Fact]
    public async Task A_function_sees_the_templates_environment_its_roles_key_and_nothing_of_the_hosts()
    {
        var (_, payload) = await InvokeAsync("bash-echo", """{"do":"environment"}""");
        var seen = JsonNode.Parse(payload)!;
        Assert.Equal("good morning 012345678901", seen["greeting"]!.ToString());
        Assert.StartsWith("ASIA", seen["key"]!.ToString(), StringComparison.Ordinal);
        // What the custom resource of the stack answered; its property 7 came as text.
        Assert.Equal("Create Custom::Setup 7", seen["setup"]!.ToString());
        Assert.Equal(cloud.PrivateCa, seen["ca"]!.ToString());
        Assert.Equal("", seen["home"]!.ToString());
    }

    [Theory]
    [InlineData("""{"do":"fail"}""", "Asked")]
    [InlineData("""{"do":"exit"}""", "Runtime.ExitError")]
    [InlineData("""{"do":"hang"}""", "Sandbox.Timedout")]
    public async Task A_function_that_fails_is_reported_and_the_next_invocation_works(string payload, string type)
    {
        var (error, answer) = await InvokeAsync("bash-echo", payload);
        Assert.Equal("Unhandled", error);
        Assert.Equal(type, JsonNode.Parse(answer)!["errorType"]!.ToString());
        Assert.Null((await InvokeAsync("bash-echo", "{}")).Error);
    }

    [Fact]
    public async Task A_caller_who_hangs_up_does_not_stop_the_function()
    {
        var name = $"written-{Guid.NewGuid():N}";
        using var http = new SignedHttp(cloud.Api);
        var call = http.SendAsync("lambda", "POST", "/2015-03-31/functions/bash-echo/invocations", Encoding.UTF8.GetBytes($$"""{"do":"slow","word":"{{name}}"}"""));
        await LoggedAsync($"began {name}");
        http.Dispose();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await LoggedAsync($"ended {name}");
    }

    private async Task LoggedAsync(string text)
    {
        for (var i = 0; i < 500 && !cloud.Log.Contains(text, StringComparison.Ordinal); i++)
            await Task.Delay(20);
        Assert.Contains(text, cloud.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_function_that_can_not_start_says_so()
    {
        var (error, answer) = await InvokeAsync("bash-broken", "{}");
        Assert.Equal("Unhandled", error);
        Assert.Equal("Handler.Missing", JsonNode.Parse(answer)!["errorType"]!.ToString());
    }

    [Fact]
    public async Task An_asynchronous_event_is_tried_again_and_then_goes_to_the_dead_letters()
    {
        var before = await DeadLettersAsync();
        await cloud.Aws.RunAsync(
            "lambda", "invoke", "--function-name", "bash-echo", "--invocation-type", "Event", "--payload", """{"do":"fail"}""", "/dev/null");
        for (var i = 0; i < 500 && await DeadLettersAsync() == before; i++)
            await Task.Delay(20);
        Assert.Equal(before + 1, await DeadLettersAsync());
        Assert.Contains("bash-echo: the event was given up after 2 attempts", cloud.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Configurations_are_shown_and_changed()
    {
        var shown = await cloud.Aws.RunAsync("lambda", "get-function-configuration", "--function-name", "bash-broken");
        Assert.Equal(("provided.al2023", "broken"), (shown["Runtime"]!.ToString(), shown["Handler"]!.ToString()));
        Assert.Equal("bash-broken", (await cloud.Aws.RunAsync("lambda", "get-function", "--function-name", shown["FunctionArn"]!.ToString()))["Configuration"]!["FunctionName"]!.ToString());
        var changed = await cloud.Aws.RunAsync("lambda", "update-function-configuration", "--function-name", "bash-broken", "--timeout", "9");
        Assert.Equal(9, changed["Timeout"]!.GetValue<int>());
        var listed = await cloud.Aws.RunAsync("lambda", "list-functions");
        Assert.Equal(["bash-broken", "bash-echo", "bash-scheduled"], listed["Functions"]!.AsArray().Select(f => f!["FunctionName"]!.ToString()));
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("lambda", "get-function", "--function-name", "no-such"));
        Assert.Equal("InvalidParameterValueException", await cloud.Aws.RefusedAsync("lambda", "update-function-configuration", "--function-name", "bash-broken", "--timeout", "901"));
        Assert.Equal("InvalidRequestContentException", await cloud.Aws.RefusedAsync("lambda", "invoke", "--function-name", "bash-echo", "--payload", "{", "/dev/null"));
    }

    [Fact]
    public async Task What_becomes_of_events_is_shown()
    {
        var shown = await cloud.Aws.RunAsync("lambda", "get-function-event-invoke-config", "--function-name", "bash-scheduled");
        Assert.Equal(0, shown["MaximumRetryAttempts"]!.GetValue<int>());
        Assert.Equal("arn:aws:sqs:us-east-1:012345678901:scheduled-dead-letters", shown["DestinationConfig"]!["OnFailure"]!["Destination"]!.ToString());
    }

    private async Task<int> DeadLettersAsync()
    {
        using var http = new HttpClient();
        var page = await http.GetStringAsync(cloud.Management + "/");
        var row = page[(page.IndexOf("<td>bash-dead-letters<td class=n>", StringComparison.Ordinal) + "<td>bash-dead-letters<td class=n>".Length)..];
        return int.Parse(row[..row.IndexOf('<', StringComparison.Ordinal)], null);
    }

    private async Task<(string? Error, string Payload)> InvokeAsync(string function, string payload)
    {
        var output = Path.GetTempFileName();
        try
        {
            var answer = await cloud.Aws.RunAsync("lambda", "invoke", "--function-name", function, "--payload", payload, output);
            return (answer["FunctionError"]?.ToString(), await File.ReadAllTextAsync(output));
        }
        finally
        {
            File.Delete(output);
        }
    }
}
