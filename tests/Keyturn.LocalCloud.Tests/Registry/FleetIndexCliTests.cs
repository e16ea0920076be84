using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

public sealed class FleetIndexCliTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task Things_are_found_by_group_name_type_and_attribute_once_indexing_is_on()
    {
        var (group, below, other) = (CertificateCliTests.Unique("group"), CertificateCliTests.Unique("below"), CertificateCliTests.Unique("x"));
        await Iot("create-thing-group", "--thing-group-name", group);
        await Iot("create-thing-group", "--thing-group-name", below, "--parent-group-name", group);
        string[] things = [.. Enumerable.Range(0, 3).Select(i => $"{other}-{i}")];
        foreach (var thing in things)
            await Iot("create-thing", "--thing-name", thing, "--attribute-payload", $"attributes={{site={thing[^1]}}}");
        await Iot("add-thing-to-thing-group", "--thing-group-name", group, "--thing-name", things[0]);
        await Iot("add-thing-to-thing-group", "--thing-group-name", below, "--thing-name", things[1]);

        await Iot("update-indexing-configuration", "--thing-indexing-configuration", "thingIndexingMode=OFF");
        Assert.Equal("ResourceNotFoundException", await Refused("search-index", "--query-string", "thingName:*"));
        Assert.Empty((await Iot("list-indices"))["indexNames"]!.AsArray());
        await Iot("update-indexing-configuration", "--thing-indexing-configuration", "thingIndexingMode=REGISTRY");
        Assert.Equal("REGISTRY", (await Iot("get-indexing-configuration"))["thingIndexingConfiguration"]!["thingIndexingMode"]!.ToString());
        Assert.Equal("ACTIVE", (await Iot("describe-index", "--index-name", "AWS_Things"))["indexStatus"]!.ToString());

        // A thing in a child group is in its parent, too.
        Assert.Equal(things[..2], await FindAsync($"thingGroupNames:{group}"));
        Assert.Equal(things[1..2], await FindAsync($"thingGroupNames:{below} AND thingName:{other}-*"));
        Assert.Equal(things[2..], await FindAsync($"thingName:{other}-? attributes.site:\"2\""));
        Assert.Empty(await FindAsync($"thingName:{other}-* AND thingTypeName:none"));
        var page = await Iot("search-index", "--query-string", $"thingName:{other}-*", "--max-results", "2");
        Assert.Equal(2, page["things"]!.AsArray().Count);
        Assert.Single((await Iot("search-index", "--query-string", $"thingName:{other}-*", "--max-results", "2", "--next-token", page["nextToken"]!.ToString()))["things"]!.AsArray());
    }

    [Theory]
    [InlineData("InvalidQueryException", "search-index", "--query-string", "connectivity.connected:true")]
    [InlineData("InvalidQueryException", "search-index", "--query-string", "thingName:a OR thingName:b")]
    [InlineData("InvalidRequestException", "update-indexing-configuration", "--thing-indexing-configuration", "thingIndexingMode=REGISTRY_AND_SHADOW")]
    [InlineData("InvalidRequestException", "update-indexing-configuration", "--thing-group-indexing-configuration", "thingGroupIndexingMode=ON")]
    [InlineData("ResourceNotFoundException", "describe-index", "--index-name", "AWS_ThingGroups")]
    public async Task What_is_not_indexed_is_refused(string code, params string[] arguments)
    {
        if (arguments[0] == "search-index")
            await Iot("update-indexing-configuration", "--thing-indexing-configuration", "thingIndexingMode=REGISTRY");
        Assert.Equal(code, await Refused(arguments));
    }

    private async Task<string[]> FindAsync(string query) =>
        [.. (await Iot("search-index", "--query-string", query))["things"]!.AsArray().Select(t => t!["thingName"]!.ToString())];

    private Task<JsonNode> Iot(params string[] arguments) => cloud.Aws.RunAsync(["iot", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["iot", .. arguments]);
}
