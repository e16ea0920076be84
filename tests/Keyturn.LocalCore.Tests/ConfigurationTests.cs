using System.Text.Json.Nodes;
using Keyturn.LocalCore.Components;
using Keyturn.LocalCore.Configuration;
using Keyturn.LocalCore.Core;
using Keyturn.LocalCore.Mqtt;
using Keyturn.LocalCore.Tests.Support;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.LocalCore.Tests;

public sealed class ConfigurationTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("config-").FullName;

    public ConfigurationTests() => Directory.CreateDirectory(Path.Combine(root, "config"));

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Fact]
    public void The_log_replays_to_the_same_tree_and_is_compacted_at_each_load()
    {
        File.WriteAllText(TransactionLog.PathIn(root), """
            {"TS":1,"TP":["system","thingName"],"W":"changed","V":"old"}
            {"TS":2,"TP":["system","thingName"],"W":"changed","V":"new"}
            {"TS":2,"TP":["services","a","b"],"W":"changed","V":[1,2]}
            {"TS":3,"TP":["services","a","b"],"W":"removed"}
            {"TS":3,"TP":["services","empty"],"W":"interiorAdded"}

            """);
        var (store, log) = TransactionLog.Open(root);
        using (log)
            store.Merge(["services", "c"], new() { ["d"] = true }, 4);

        Assert.Equal("""{"services":{"a":{},"c":{"d":true},"empty":{}},"system":{"thingName":"new"}}""", TransactionLog.Load(root).Read()!.ToJsonString());
        Assert.DoesNotContain("old", File.ReadAllText(TransactionLog.PathIn(root)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"TS\":1,\"TP\":[\"a\"],\"W\":\"chan")]
    [InlineData("[]")]
    [InlineData("{\"TS\":\"x\",\"TP\":[\"a\"],\"W\":\"changed\"}")]
    [InlineData("{\"TS\":1,\"W\":\"changed\"}")]
    [InlineData("{\"TS\":1,\"TP\":[\"a\"],\"W\":\"sold\"}")]
    public void A_line_that_is_no_entry_is_named(string line)
    {
        File.WriteAllText(TransactionLog.PathIn(root), "{\"TS\":1,\"TP\":[\"a\"],\"W\":\"changed\",\"V\":1}\n" + line + "\n");

        Assert.Contains("line 2", Assert.Throws<InvalidDataException>(() => TransactionLog.Load(root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_older_change_does_not_replace_a_newer_one()
    {
        var store = new ConfigurationStore();
        store.Merge([], new() { ["a"] = 1 }, 10);
        store.Merge([], new() { ["A"] = 2 }, 9);

        Assert.Equal("1", store.ReadString("a"));
    }

    [Fact]
    public void The_effective_configuration_reads_back_whatever_its_values()
    {
        var store = new ConfigurationStore();
        store.Merge([], new()
        {
            ["plain"] = "text", ["number"] = 5, ["real"] = 1.5, ["yes"] = true, ["nothing"] = null, ["looks like"] = "true", ["digits"] = "007",
            ["list"] = new JsonArray("a: b", 2, "#x"), ["empty"] = new JsonObject(), ["a:b"] = new JsonObject { ["c"] = "quote\" and \n line, ü" },
        }, 1);

        TransactionLog.WriteEffective(root, store);

        Assert.True(JsonNode.DeepEquals(store.Read(), YamlText.Read(File.ReadAllText(TransactionLog.EffectivePathIn(root)))));
    }

    [Fact]
    public void A_deployment_keeps_what_was_configured_and_follows_the_recipes_access_control()
    {
        var store = Deploy(new() { ["limit"] = 1, ["nested"] = new JsonObject { ["kept"] = 1 }, ["accessControl"] = new JsonObject { ["old"] = 1 } });
        Assert.Equal("1", store.ReadString("services", "com.example.A", "configuration", "limit"));

        store = Deploy(new() { ["limit"] = 2, ["nested"] = new JsonObject { ["kept"] = 2, ["added"] = 3 }, ["accessControl"] = new JsonObject { ["new {iot:thingName}"] = 1 } });

        Assert.Equal("""{"accessControl":{"new ":1},"limit":1,"nested":{"added":3,"kept":1}}""", store.Read("services", "com.example.A", "configuration")!.ToJsonString());
    }

    [Fact]
    public void Another_component_takes_the_place_of_the_last()
    {
        Deploy([]);
        Deployment.Apply(root, Recipe.ForCommand("com.example.B").Running("true"), null, new FakeTimeProvider());

        var store = TransactionLog.Load(root);
        Assert.Null(store.Read("services", "com.example.A"));
        Assert.Equal("""["aws.greengrass.Nucleus","com.example.B"]""", store.Read("services", "main", "dependencies")!.ToJsonString());
    }

    [Theory]
    [InlineData("a", "a", true)]
    [InlineData("a/+", "a/b", true)]
    [InlineData("a/+", "a/b/c", false)]
    [InlineData("a/#", "a/b/c", true)]
    [InlineData("a/#", "a/+/c", true)]
    [InlineData("a/+", "a/#", true)]
    [InlineData("a/b", "a/+", false)]
    [InlineData("#", "a/b", true)]
    [InlineData("$aws/things/+/jobs/+/get", "$aws/things/pump1/jobs/$next/get", true)]
    [InlineData("$aws/things/pump1/#", "$aws/things/pump10/jobs", false)]
    public void Filters_cover_topics_as_the_nucleus_compares_them(string filter, string topic, bool covers) =>
        Assert.Equal(covers, TopicFilter.Covers(filter, topic));

    [Theory]
    [InlineData("Publish", "a/b", false)]
    [InlineData("PublishToIoTCore", "a/b", true)]
    [InlineData("PublishToIoTCore", "a", false)]
    [InlineData("SubscribeToIoTCore", "a/b", false)]
    [InlineData("SubscribeToIoTCore", "s", true)]
    [InlineData("PublishToIoTCore", "all/of/it", false)]
    public void Access_is_what_a_policy_names_and_nothing_else(string operation, string topic, bool allowed)
    {
        var store = new ConfigurationStore();
        store.Merge(["services", "c", "configuration", "accessControl", "aws.greengrass.ipc.mqttproxy"], (JsonObject)JsonNode.Parse("""
            {
              "c:1": {"operations": ["aws.greengrass#PublishToIoTCore"], "resources": ["a/+"]},
              "c:2": {"operations": ["*"], "resources": ["s"]},
              "c:3": {"resources": ["all/#"]}
            }
            """)!, 1);

        Assert.Equal(allowed, new AccessControl(store).MayUseTopic("c", operation, topic));
        Assert.False(new AccessControl(store).MayUseTopic("other", operation, topic));
    }

    [Fact]
    public void The_products_own_recipe_is_understood()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Keyturn.slnx")))
            directory = directory.Parent;

        var recipe = Recipe.Load(Path.Combine(directory.FullName, "src/Keyturn.Device/recipe.yaml"));

        Assert.Equal("aws.greengrass.labs.CertificateRotator", recipe.Name);
        Assert.Single(recipe.Artifacts);
        Assert.NotEmpty(recipe.Lifecycle);
        Assert.NotNull(recipe.DefaultConfiguration["accessControl"]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("- a\n- b")]
    [InlineData("ComponentName: a")]
    [InlineData("ComponentName: [a")]
    [InlineData("{ComponentName: a, ComponentVersion: 1.0.0, Manifests: [{Platform: {os: windows}}]}")]
    public void What_is_no_recipe_for_this_machine_is_refused(string text)
    {
        var path = Path.Combine(root, "recipe.yaml");
        File.WriteAllText(path, text);

        Assert.Contains(path, Assert.Throws<RecipeException>(() => Recipe.Load(path)).Message, StringComparison.Ordinal);
    }

    private ConfigurationStore Deploy(JsonObject defaults)
    {
        if (!File.Exists(TransactionLog.PathIn(root)))
            File.WriteAllText(TransactionLog.PathIn(root), """{"TS":1,"TP":["services","aws.greengrass.Nucleus","configuration","interpolateComponentConfiguration"],"W":"changed","V":true}""" + "\n");
        var time = new FakeTimeProvider();
        Deployment.Apply(root, Recipe.ForCommand("com.example.A").Running("true") with { DefaultConfiguration = defaults }, null, time);
        return TransactionLog.Load(root);
    }
}
