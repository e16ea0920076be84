using System.Text.Json;
using Microsoft.Extensions.Time.Testing;

namespace Greengrass.Ipc.Tests;

/// <summary>What each operation sends, letter by letter, and what it makes of the answers.</summary>
public sealed class OperationTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeSeconds(1_795_483_555);

    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task GetConfiguration_names_component_and_path_only_when_given()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;

        var all = client.GetConfigurationAsync();
        Assert.Equal("{}", (await nucleus.ReadAsync()).Payload);
        await nucleus.RespondAsync(1, "GetConfiguration", """{"componentName":"me","value":{"a":{"b":[1,null]}}}""");
        Assert.Equal("""{"a":{"b":[1,null]}}""", (await all).GetRawText());

        var leaf = client.GetConfigurationAsync("aws.greengrass.Nucleus", ["mqtt", "port"]);
        var request = await nucleus.ReadAsync();
        Assert.Equal("aws.greengrass#GetConfiguration", request.Operation);
        Assert.Equal("aws.greengrass#GetConfigurationRequest", request.Headers["service-model-type"]);
        Assert.Equal("""{"componentName":"aws.greengrass.Nucleus","keyPath":["mqtt","port"]}""", request.Payload);
        await nucleus.RespondAsync(2, "GetConfiguration", """{"componentName":"aws.greengrass.Nucleus","value":{"port":8883}}""");
        Assert.Equal(8883, (await leaf).GetProperty("port").GetInt32());
    }

    [Theory]
    [InlineData(0, "1795483555.000")]
    [InlineData(7, "1795483555.007")]
    [InlineData(120, "1795483555.120")]
    public async Task UpdateConfiguration_sends_seconds_with_a_fraction_always(int milliseconds, string expected)
    {
        var time = new FakeTimeProvider(Now.AddMilliseconds(milliseconds));
        var (client, nucleus) = await server.ConnectAsync(new GreengrassIpcOptions { SocketPath = server.SocketPath, AuthToken = "T", TimeProvider = time });
        await using var _ = client;

        await AnsweredAsync(
            nucleus, client.UpdateConfigurationAsync(["a", "b"], JsonSerializer.SerializeToElement(new { c = 1 })),
            "UpdateConfiguration", $$$"""{"keyPath":["a","b"],"timestamp":{{{expected}}},"valueToMerge":{"c":1}}""");
    }

    [Fact]
    public async Task UpdateConfiguration_takes_another_time_and_no_path()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await Assert.ThrowsAsync<ArgumentException>(() => client.UpdateConfigurationAsync(null, default));
        await AnsweredAsync(
            nucleus, client.UpdateConfigurationAsync(null, JsonSerializer.SerializeToElement("v"), Now),
            "UpdateConfiguration", """{"timestamp":1795483555.000,"valueToMerge":"v"}""");
    }

    [Fact]
    public async Task Configuration_updates_say_where()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var updates = await SubscribedAsync(
            nucleus, client.SubscribeToConfigurationUpdateAsync("c", ["keyAlgorithm"]), "SubscribeToConfigurationUpdate", """{"componentName":"c","keyPath":["keyAlgorithm"]}""");

        await EventAsync(nucleus, "ConfigurationUpdateEvents", """{"configurationUpdateEvent":{"componentName":"c","keyPath":["keyAlgorithm"]}}""");

        var update = await FirstAsync(updates);
        Assert.Equal("c", update.ComponentName);
        Assert.Equal(["keyAlgorithm"], update.KeyPath);
    }

    [Fact]
    public async Task A_proposed_configuration_is_shown_and_judged()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var proposals = await SubscribedAsync(
            nucleus, client.SubscribeToValidateConfigurationUpdatesAsync(), "SubscribeToValidateConfigurationUpdates", "{}");

        await EventAsync(
            nucleus, "ValidateConfigurationUpdateEvents", """{"validateConfigurationUpdateEvent":{"configuration":{"keyAlgorithm":"DSA"},"deploymentId":"d-1"}}""");

        var proposal = await FirstAsync(proposals);
        Assert.Equal("d-1", proposal.DeploymentId);
        Assert.Equal("DSA", proposal.Configuration.GetProperty("keyAlgorithm").GetString());
        await AnsweredAsync(
            nucleus, client.SendConfigurationValidityReportAsync("d-1", ConfigurationValidity.Rejected, "no \"DSA\""), "SendConfigurationValidityReport",
            """{"configurationValidityReport":{"status":"REJECTED","deploymentId":"d-1","message":"no \"DSA\""}}""");
        await AnsweredAsync(
            nucleus, client.SendConfigurationValidityReportAsync("d-1", ConfigurationValidity.Accepted), "SendConfigurationValidityReport",
            """{"configurationValidityReport":{"status":"ACCEPTED","deploymentId":"d-1"}}""");
    }

    [Fact]
    public async Task Nucleus_lite_refuses_validation_with_an_empty_service_error()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var subscribing = client.SubscribeToValidateConfigurationUpdatesAsync();
        await nucleus.ReadAsync();
        await nucleus.SendAsync(
            1, 2, 1, """{"_message":"","_errorCode":"ServiceError"}""",
            Frames.Text(":content-type", "application/json"), Frames.Text("service-model-type", "aws.greengrass#ServiceError"));
        var error = await Assert.ThrowsAsync<IpcServiceException>(() => subscribing);
        Assert.Equal("SubscribeToValidateConfigurationUpdates: ServiceError", error.Message);
    }

    [Fact]
    public async Task Component_updates_are_told_apart_deferred_and_let_go_and_unknown_ones_passed_over()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await using var updates = await SubscribedAsync(nucleus, client.SubscribeToComponentUpdatesAsync(), "SubscribeToComponentUpdates", "{}");

        await EventAsync(nucleus, "ComponentUpdatePolicyEvents", """{"somethingNew":{}}""");
        await EventAsync(nucleus, "ComponentUpdatePolicyEvents", """{"preUpdateEvent":{"deploymentId":"d-1","isGgcRestarting":true}}""");
        await EventAsync(nucleus, "ComponentUpdatePolicyEvents", """{"postUpdateEvent":{"deploymentId":"d-1"}}""");

        await using var events = updates.GetAsyncEnumerator();
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(new PreComponentUpdate("d-1", true), events.Current);
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(new PostComponentUpdate("d-1"), events.Current);
        await AnsweredAsync(
            nucleus, client.DeferComponentUpdateAsync("d-1", TimeSpan.FromMinutes(10), "rotating"),
            "DeferComponentUpdate", """{"deploymentId":"d-1","recheckAfterMs":600000,"message":"rotating"}""");
        await AnsweredAsync(
            nucleus, client.DeferComponentUpdateAsync("d-1", TimeSpan.Zero), "DeferComponentUpdate", """{"deploymentId":"d-1","recheckAfterMs":0}""");
    }

    [Fact]
    public async Task UpdateState_reports_running_and_errored()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        await AnsweredAsync(nucleus, client.UpdateStateAsync(ComponentState.Running), "UpdateState", """{"state":"RUNNING"}""");
        await AnsweredAsync(nucleus, client.UpdateStateAsync(ComponentState.Errored), "UpdateState", """{"state":"ERRORED"}""");
    }

    [Fact]
    public async Task GetSystemConfig_is_a_private_operation_of_nucleus_lite()
    {
        var (client, nucleus) = await server.ConnectAsync();
        await using var _ = client;
        var reading = client.GetSystemConfigAsync("certificateFilePath");
        var request = await nucleus.ReadAsync();
        Assert.Equal("aws.greengrass.private#GetSystemConfig", request.Operation);
        Assert.Equal("aws.greengrass.private#GetSystemConfigRequest", request.Headers["service-model-type"]);
        Assert.Equal("""{"key":"certificateFilePath"}""", request.Payload);

        await nucleus.SendAsync(0, 0, 1, """{"value":"/var/lib/greengrass/cert.pem"}""", Frames.Text(":content-type", "application/json"));

        Assert.Equal("/var/lib/greengrass/cert.pem", await reading);
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();

    private static async Task AnsweredAsync(NucleusConnection nucleus, Task call, string operation, string payload)
    {
        var request = await nucleus.ReadAsync();
        Assert.Equal("aws.greengrass#" + operation, request.Operation);
        Assert.Equal(payload, request.Payload);
        await nucleus.RespondAsync(request.StreamId, operation);
        await call;
    }

    private static async Task<IpcSubscription<T>> SubscribedAsync<T>(NucleusConnection nucleus, Task<IpcSubscription<T>> subscribing, string operation, string payload)
        where T : class
    {
        var request = await nucleus.ReadAsync();
        Assert.Equal("aws.greengrass#" + operation, request.Operation);
        Assert.Equal(payload, request.Payload);
        await nucleus.RespondAsync(request.StreamId, operation, flags: 0);
        return await subscribing;
    }

    private static Task EventAsync(NucleusConnection nucleus, string type, string payload) =>
        nucleus.SendAsync(0, 0, 1, payload, Frames.Text("service-model-type", "aws.greengrass#" + type));

    private static async Task<T> FirstAsync<T>(IpcSubscription<T> subscription) where T : class
    {
        await foreach (var item in subscription)
            return item;
        throw new InvalidOperationException("The subscription ended.");
    }
}
