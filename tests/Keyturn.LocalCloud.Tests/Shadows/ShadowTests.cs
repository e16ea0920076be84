using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Mqtt;
using Keyturn.LocalCloud.Shadows;
using Keyturn.LocalCloud.Tests.Mqtt;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCloud.Tests.DeviceShadows;

public sealed class ShadowTests : IAsyncLifetime
{
    private const string Classic = "$aws/things/t/shadow/";
    private const string Named = "$aws/things/t/shadow/name/n/";

    private readonly TestBus _bus = new();
    private readonly TestDirectory _directory = new();
    private readonly ShadowService _shadows;

    public ShadowTests() => _shadows = new ShadowService(
        _directory, _bus, new CloudAccount(), new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1000)), NullLogger<ShadowService>.Instance);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _shadows.DisposeAsync();

    [Theory]
    [InlineData(Classic)]
    [InlineData(Named)]
    public async Task An_update_is_merged_and_told_on_all_its_topics(string prefix)
    {
        await SendAsync(prefix + "update", """{"state":{"desired":{"a":1,"b":{"c":[1,2]}},"reported":{"a":1}},"clientToken":"x"}""");

        var messages = await TakeAsync(3);

        AssertMessage(messages[0], prefix + "update/accepted", """
            {"state":{"desired":{"a":1,"b":{"c":[1,2]}},"reported":{"a":1}},
             "metadata":{"desired":{"a":{"timestamp":1000},"b":{"c":[{"timestamp":1000},{"timestamp":1000}]}},"reported":{"a":{"timestamp":1000}}},
             "version":1,"timestamp":1000,"clientToken":"x"}
            """);
        AssertMessage(messages[1], prefix + "update/delta", """
            {"version":1,"timestamp":1000,"state":{"b":{"c":[1,2]}},"metadata":{"b":{"c":[{"timestamp":1000},{"timestamp":1000}]}},"clientToken":"x"}
            """);
        Assert.Equal(prefix + "update/documents", messages[2].Topic);
        Assert.Equal(1, (long)messages[2].Json["current"]!["version"]!);
        Assert.Empty(messages[2].Json["previous"]!["state"]!.AsObject());
    }

    [Fact]
    public async Task Null_removes_and_nothing_left_to_differ_means_no_delta()
    {
        await SendAsync(Classic + "update", """{"state":{"desired":{"a":{"x":1,"y":2},"b":2}}}""");
        await TakeAsync(3);
        await SendAsync(Classic + "update", """{"state":{"desired":{"a":{"x":null},"b":null},"reported":{"a":{"y":2}}}}""");
        Assert.Equal([Classic + "update/accepted", Classic + "update/documents"], (await TakeAsync(2)).Select(m => m.Topic));

        await SendAsync(Classic + "get", "");
        AssertMessage((await TakeAsync(1))[0], Classic + "get/accepted", """
            {"state":{"desired":{"a":{"y":2}},"reported":{"a":{"y":2}}},
             "metadata":{"desired":{"a":{"y":{"timestamp":1000}}},"reported":{"a":{"y":{"timestamp":1000}}}},"version":2,"timestamp":1000}
            """);
        await SendAsync(Classic + "update", """{"state":{"desired":null}}""");
        await TakeAsync(2);
        await SendAsync(Classic + "get", """{"clientToken":"g"}""");
        var last = (await TakeAsync(1))[0].Json;
        Assert.Equal(["reported"], last["state"]!.AsObject().Select(s => s.Key));
        Assert.Equal("g", (string?)last["clientToken"]);
    }

    [Fact]
    public async Task The_version_guards_updates_and_goes_on_after_a_delete()
    {
        await SendAsync(Named + "update", """{"state":{"reported":{"a":1}},"version":0}""");
        await TakeAsync(2);
        await SendAsync(Named + "update", """{"state":{"reported":{"a":2}},"version":7,"clientToken":"v"}""");
        AssertMessage((await TakeAsync(1))[0], Named + "update/rejected", """{"code":409,"message":"Version conflict","timestamp":1000,"clientToken":"v"}""");
        await SendAsync(Named + "delete", "not even JSON");
        AssertMessage((await TakeAsync(1))[0], Named + "delete/accepted", """{"version":1,"timestamp":1000}""");
        await SendAsync(Named + "delete", "");
        Assert.Equal(404, (int)(await TakeAsync(1))[0].Json["code"]!);
        await SendAsync(Named + "update", """{"state":{"reported":{"a":3}}}""");
        Assert.Equal(2, (long)(await TakeAsync(2))[0].Json["version"]!);
    }

    [Theory]
    [InlineData("update", "{", 400)]
    [InlineData("update", "", 400)]
    [InlineData("update", "[]", 400)]
    [InlineData("update", "{}", 400)]
    [InlineData("update", """{"state":7}""", 400)]
    [InlineData("update", """{"state":{"desired":7}}""", 400)]
    [InlineData("update", """{"state":{"wished":{}}}""", 400)]
    [InlineData("update", """{"state":{"desired":{"a":[null]}}}""", 400)]
    [InlineData("update", """{"state":{"desired":{"1":{"2":{"3":{"4":{"5":{"6":{"7":{"8":{"9":1}}}}}}}}}}}""", 400)]
    [InlineData("update", """{"state":{},"version":"1"}""", 400)]
    [InlineData("update", """{"state":{},"clientToken":1}""", 400)]
    [InlineData("get", "", 404)]
    [InlineData("get", "{", 400)]
    [InlineData("delete", "", 404)]
    public async Task Bad_requests_are_rejected_with_their_number(string operation, string payload, int code)
    {
        await SendAsync(Classic + operation, payload);

        var (topic, json) = (await TakeAsync(1))[0];

        Assert.Equal($"{Classic}{operation}/rejected", topic);
        Assert.Equal(code, (int)json["code"]!);
    }

    [Fact]
    public async Task A_state_of_more_than_8_KB_is_refused_and_changes_nothing()
    {
        var large = new JsonObject { ["state"] = new JsonObject { ["desired"] = new JsonObject { ["a"] = new string('x', 8192) } } };

        await SendAsync(Classic + "update", large.ToJsonString());

        Assert.Equal(413, (int)(await TakeAsync(1))[0].Json["code"]!);
        await SendAsync(Classic + "get", "");
        Assert.Equal(404, (int)(await TakeAsync(1))[0].Json["code"]!);
    }

    [Fact]
    public async Task Over_HTTP_the_document_is_the_body()
    {
        var updated = await _shadows.Operations.CallAsync(
            "iot-data", "UpdateThingShadow", "thingName=t", "name=n", """{"state":{"reported":{"a":1}}}""");
        Assert.Equal(1, (long)Parse(updated.Raw)["version"]!);
        Assert.Equal(Named + "update/accepted", _bus.Take()[0].Topic);
        var read = await _shadows.Operations.CallAsync("iot-data", "GetThingShadow", "thingName=t", "name=n");
        Assert.Equal(1, (int)Parse(read.Raw)["state"]!["reported"]!["a"]!);
        var names = await _shadows.Operations.CallAsync("iot-data", "ListNamedShadowsForThing", "thingName=t");
        Assert.Equal(["n"], names.Json!["results"]!.AsArray().Select(n => (string?)n));
        var missing = await OperationCalls.RefusedAsync(_shadows.Operations.CallAsync("iot-data", "GetThingShadow", "thingName=t"));
        Assert.Equal((404, "ResourceNotFoundException"), (missing.Status, missing.Code));
        var conflict = await OperationCalls.RefusedAsync(_shadows.Operations.CallAsync(
            "iot-data", "UpdateThingShadow", "thingName=t", "name=n", """{"state":{},"version":9}"""));
        Assert.Equal((409, "ConflictException"), (conflict.Status, conflict.Code));
        await _shadows.Operations.CallAsync("iot-data", "DeleteThingShadow", "thingName=t", "name=n");
        Assert.Empty((await _shadows.Operations.CallAsync("iot-data", "ListNamedShadowsForThing", "thingName=t")).Json!["results"]!.AsArray());
    }

    [Fact]
    public async Task A_device_certificate_needs_a_policy_for_HTTP()
    {
        var certificate = TestPki.Shared.Issue("CN=device");
        var id = _directory.Register(certificate, ["""
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:UpdateThingShadow","Resource":"arn:aws:iot:us-east-1:012345678901:thing/t"}}
            """]);

        await _shadows.Operations.CallAsync("iot-data", "UpdateThingShadow", "thingName=t", "", """{"state":{}}""", id);
        var refused = await OperationCalls.RefusedAsync(_shadows.Operations.CallAsync("iot-data", "GetThingShadow", "thingName=t", "", "", id));

        Assert.Equal((403, "ForbiddenException"), (refused.Status, refused.Code));
    }

    private async Task SendAsync(string topic, string payload) =>
        await _bus.PublishAsync(new BusMessage(topic, Encoding.UTF8.GetBytes(payload), "device", "principal"));

    /// <summary>Waits for so many messages and makes sure that no more came.</summary>
    private async Task<IReadOnlyList<(string Topic, JsonNode Json)>> TakeAsync(int count)
    {
        var taken = new List<(string Topic, JsonNode Json)>();
        await SendAsync("$aws/things/marker/shadow/get", "");
        for (var i = 0; i < 1000 && !taken.Exists(m => m.Topic.Contains("marker", StringComparison.Ordinal)); i++)
        {
            await Task.Delay(5, TestContext.Current.CancellationToken);
            taken.AddRange(_bus.Take());
        }

        taken.RemoveAll(m => m.Topic.Contains("marker", StringComparison.Ordinal));
        Assert.Equal(count, taken.Count);
        return taken;
    }

    private static JsonNode Parse(ReadOnlyMemory<byte>? raw) => JsonNode.Parse(raw!.Value.Span)!;

    private static void AssertMessage((string Topic, JsonNode Json) message, string topic, string json)
    {
        Assert.Equal(topic, message.Topic);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(json), message.Json), message.Json.ToJsonString());
    }
}
