using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;
using MQTTnet;

namespace Keyturn.LocalCloud.Tests.Faults;

/// <summary>Each fault by its example in docs/local-cloud.md.</summary>
public sealed class FaultTests
{
    [Fact]
    public async Task Messages_are_dropped_duplicated_and_delayed_by_topic()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "drop topic=lost/#; duplicate topic=twice/+ by=1s; delay topic=late by=2s");
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("lost/a", "twice/a", "late", "plain");

        foreach (var topic in (string[])["lost/a", "twice/a", "late", "plain"])
            await device.PublishAsync(topic, "");

        Assert.Equal("twice/a", (await device.NextAsync()).Topic);
        Assert.Equal("plain", (await device.NextAsync()).Topic);
        cloud.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("twice/a", (await device.NextAsync()).Topic);
        cloud.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("late", (await device.NextAsync()).Topic);
        Assert.Equal([1, 1, 1], (await cloud.ManageAsync("GET", "/faults")).Json["faults"]!.AsArray().Select(f => f!["strikes"]!.GetValue<int>()));
    }

    [Fact]
    public async Task Messages_overtake_each_other()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "reorder topic=shuffled/# by=1s", seed: 3);
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("shuffled/+");
        for (var i = 0; i < 10; i++)
            await device.PublishAsync($"shuffled/{i}", "");
        List<string> topics = [];
        for (var i = 0; i < 100; i++)
            cloud.Time.Advance(TimeSpan.FromMilliseconds(10));
        for (var i = 0; i < 10; i++)
            topics.Add((await device.NextAsync()).Topic);

        Assert.Equal(topics.Order(StringComparer.Ordinal), Enumerable.Range(0, 10).Select(i => $"shuffled/{i}"));
        Assert.NotEqual(topics.Order(StringComparer.Ordinal), topics);
    }

    [Fact]
    public async Task The_nth_message_alone_is_lost()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "drop topic=a nth=2 times=1");
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("a");
        foreach (var payload in (string[])["1", "2", "3"])
            await device.PublishAsync("a", payload);

        Assert.Equal(["1", "3"], [(await device.NextAsync()).Payload, (await device.NextAsync()).Payload]);
    }

    [Fact]
    public async Task The_nth_call_is_throttled_or_fails_and_the_next_is_not()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "throttle call=iot:DescribeThing nth=2; fail call=iot:ListThings times=2; fail call=dynamodb:*");
        async Task<(int, string?)> Describe() => (await cloud.CallAsync("iot", "GET", "/things/none")) is var a ? (a.Status, a.Error) : default;
        async Task<(int, string?)> List() => (await cloud.CallAsync("iot", "GET", "/things")) is var a ? (a.Status, a.Error) : default;

        Assert.Equal([(404, "ResourceNotFoundException"), (400, "ThrottlingException"), (404, "ResourceNotFoundException")], [await Describe(), await Describe(), await Describe()]);
        Assert.Equal([(500, "InternalFailureException"), (500, "InternalFailureException"), (200, null)], [await List(), await List(), await List()]);
        var table = await cloud.CallAsync("dynamodb", "POST", "/", "{}", "application/x-amz-json-1.0", ("x-amz-target", "DynamoDB_20120810.ListTables"));
        Assert.Equal((500, "InternalServerError"), (table.Status, table.Error));
    }

    [Fact]
    public async Task Requests_to_jobs_over_MQTT_are_throttled_and_fail_too()
    {
        await using var cloud = await TimedCloud.StartAsync(
            faults: "throttle call=iot-jobs-data:GetPendingJobExecutions; fail call=iot-jobs-data:StartNextPendingJobExecution");
        var device = await cloud.ConnectAsync("t1");
        await device.PublishAsync("$aws/things/t1/jobs/get", "{}");
        await device.PublishAsync("$aws/things/t1/jobs/start-next", "{}");
        await device.PublishAsync("$aws/things/t1/jobs/get", "{}");

        Assert.Equal("RequestThrottled", JsonNode.Parse((await device.NextAsync()).Payload)!["code"]!.ToString());
        Assert.Equal("InternalError", JsonNode.Parse((await device.NextAsync()).Payload)!["code"]!.ToString());
        Assert.EndsWith("/accepted", (await device.NextAsync()).Topic, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_is_refused_so_many_times()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var old = await cloud.AddDeviceAsync("t1");
        await cloud.ManageAsync("POST", "/faults", "refuse certificate=new times=1");
        var fresh = await cloud.AddDeviceAsync("t2");

        Assert.Equal(MqttClientConnectResultCode.Success, (await cloud.Client(old).ConnectAsync("t1")).ResultCode);
        // TLS 1.3 tells the client after its own side is done.
        await Assert.ThrowsAnyAsync<Exception>(() => cloud.Client(fresh).ConnectAsync("t2"));
        Assert.Equal(MqttClientConnectResultCode.Success, (await cloud.Client(fresh).ConnectAsync("t2")).ResultCode);
    }

    [Fact]
    public async Task A_frozen_plane_answers_when_it_thaws()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("a");
        var frozen = await cloud.ManageAsync("POST", "/faults", "freeze plane=mqtt for=5s; freeze plane=api");
        var published = device.PublishAsync("a", "late");
        var listed = cloud.CallAsync("iot", "GET", "/things");

        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.False(published.IsCompleted || listed.IsCompleted);
        cloud.Time.Advance(TimeSpan.FromSeconds(5));
        await published;
        Assert.Equal("late", (await device.NextAsync()).Payload);
        Assert.False(listed.IsCompleted);
        Assert.Equal(204, (await cloud.ManageAsync("DELETE", $"/faults/{frozen.Json["ids"]![1]}")).Status);
        Assert.Equal(200, (await listed).Status);
    }

    [Fact]
    public async Task A_function_dies_between_its_calls_effect_and_the_answer()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "kill function=bash-echo call=sts:*", template: LocalCloudProcess.Template);
        var invoked = await cloud.CallAsync(
            "lambda", "POST", "/2015-03-31/functions/bash-echo/invocations", """{"do":"call"}""");
        Assert.Contains("Runtime.ExitError", invoked.Text, StringComparison.Ordinal);
        Assert.Equal(1, (await cloud.ManageAsync("GET", "/calls")).Json["sts:GetCallerIdentity"]!.GetValue<int>());
        var again = await cloud.CallAsync("lambda", "POST", "/2015-03-31/functions/bash-echo/invocations", """{"do":"call"}""");
        Assert.Equal("""{"answer":"known"}""", again.Text);
    }

    [Fact]
    public async Task Mild_faults_are_on_unless_told_otherwise_and_the_seed_is_shown()
    {
        await using var mild = await TimedCloud.StartAsync(faults: "mild", seed: 42);
        var shown = (await mild.ManageAsync("GET", "/faults")).Json;
        Assert.Equal(42, shown["seed"]!.GetValue<int>());
        Assert.Equal("duplicate topic=$aws/events/# share=0.1 by=200ms", Assert.Single(shown["faults"]!.AsArray())!["fault"]!.ToString());
        Assert.Contains("seed 42", mild.Cloud.Urls);

        var device = await mild.ConnectAsync("watcher");
        await device.SubscribeAsync("$aws/events/presence/#");
        for (var i = 0; i < 60; i++)
            await (await mild.ConnectAsync($"t{i}")).DisposeAsync();
        mild.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(await device.HeardNothingAsync());
        Assert.InRange((await mild.ManageAsync("GET", "/faults")).Json["faults"]![0]!["strikes"]!.GetValue<int>(), 1, 60);
    }
}
