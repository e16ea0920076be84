using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Registry;

public sealed class ThingCliTests(LocalCloudProcess cloud)
{
    private readonly string _name = CertificateCliTests.Unique("x");

    [Fact]
    public async Task A_thing_is_made_changed_and_deleted_with_its_version_counted()
    {
        var made = await Aws("create-thing", "--thing-name", _name, "--attribute-payload", """{"attributes":{"site":"a","room":"1"}}""");
        var again = await Aws("create-thing", "--thing-name", _name, "--attribute-payload", """{"attributes":{"site":"a","room":"1"}}""");
        Assert.Equal(made["thingId"]!.ToString(), again["thingId"]!.ToString());
        Assert.Equal("ResourceAlreadyExistsException", await Refused("create-thing", "--thing-name", _name));

        await Aws("update-thing", "--thing-name", _name, "--attribute-payload", """{"attributes":{"site":"b","room":""},"merge":true}""", "--expected-version", "1");
        Assert.Equal("VersionConflictException", await Refused("update-thing", "--thing-name", _name, "--expected-version", "1"));
        var described = await Aws("describe-thing", "--thing-name", _name);
        Assert.Equal(2, described["version"]!.GetValue<int>());
        Assert.Equal("""{"site":"b"}""", described["attributes"]!.ToJsonString());
        Assert.Contains(_name, Names(await Aws("list-things", "--attribute-name", "site", "--attribute-value", "b"), "things", "thingName"));

        Assert.Equal("VersionConflictException", await Refused("delete-thing", "--thing-name", _name, "--expected-version", "7"));
        await Aws("delete-thing", "--thing-name", _name);
        Assert.Equal("ResourceNotFoundException", await Refused("describe-thing", "--thing-name", _name));
        Assert.Equal("ResourceNotFoundException", await Refused("delete-thing", "--thing-name", _name));
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("a/b")]
    [InlineData("ä")]
    public async Task A_name_that_breaks_the_pattern_is_refused(string name)
    {
        Assert.Equal("InvalidRequestException", await Refused("create-thing", "--thing-name", name));
    }

    [Fact]
    public async Task Things_are_listed_page_by_page()
    {
        await Aws("create-thing-type", "--thing-type-name", _name);
        for (var i = 0; i < 5; i++)
            await Aws("create-thing", "--thing-name", $"{_name}-{i}", "--thing-type-name", _name);
        var listed = await Aws("list-things", "--thing-type-name", _name, "--page-size", "2");
        Assert.Equal([.. Enumerable.Range(0, 5).Select(i => $"{_name}-{i}")], Names(listed, "things", "thingName"));
        Assert.Equal("InvalidRequestException", await Refused("list-things", "--no-paginate", "--next-token", "!"));
    }

    [Fact]
    public async Task Thing_types_are_deprecated_before_they_go()
    {
        await Aws("create-thing-type", "--thing-type-name", _name, "--thing-type-properties", "thingTypeDescription=gateways");
        await Aws("create-thing", "--thing-name", _name, "--thing-type-name", _name);
        Assert.Equal("gateways", (await Aws("describe-thing-type", "--thing-type-name", _name))["thingTypeProperties"]!["thingTypeDescription"]!.ToString());
        Assert.Equal("InvalidRequestException", await Refused("delete-thing-type", "--thing-type-name", _name));
        await Aws("deprecate-thing-type", "--thing-type-name", _name);
        Assert.Equal("InvalidRequestException", await Refused("create-thing", "--thing-name", _name + "2", "--thing-type-name", _name));
        Assert.Equal("InvalidRequestException", await Refused("delete-thing-type", "--thing-type-name", _name));
        await Aws("deprecate-thing-type", "--thing-type-name", _name, "--undo-deprecate");
        Assert.Contains(_name, Names(await Aws("list-thing-types", "--thing-type-name", _name), "thingTypes", "thingTypeName"));
        Assert.Equal("ResourceNotFoundException", await Refused("describe-thing-type", "--thing-type-name", _name + "x"));
    }

    [Fact]
    public async Task Groups_hold_things_and_groups()
    {
        var (parent, child) = (_name, _name + "-child");
        await Aws("create-thing", "--thing-name", _name);
        await Aws("create-thing-group", "--thing-group-name", parent);
        await Aws("create-thing-group", "--thing-group-name", parent);
        await Aws("create-thing-group", "--thing-group-name", child, "--parent-group-name", parent, "--thing-group-properties", "thingGroupDescription=below");
        Assert.Equal("ResourceAlreadyExistsException", await Refused("create-thing-group", "--thing-group-name", child));
        await Aws("add-thing-to-thing-group", "--thing-group-name", child, "--thing-name", _name);
        Assert.Equal([_name], Texts(await Aws("list-things-in-thing-group", "--thing-group-name", child), "things"));
        Assert.Empty(Texts(await Aws("list-things-in-thing-group", "--thing-group-name", parent), "things"));
        Assert.Equal([_name], Texts(await Aws("list-things-in-thing-group", "--thing-group-name", parent, "--recursive"), "things"));
        Assert.Equal([child], Names(await Aws("list-thing-groups-for-thing", "--thing-name", _name), "thingGroups", "groupName"));
        Assert.Equal([child], Names(await Aws("list-thing-groups", "--parent-group", parent), "thingGroups", "groupName"));
        Assert.Equal(parent, (await Aws("describe-thing-group", "--thing-group-name", child))["thingGroupMetadata"]!["parentGroupName"]!.ToString());
        Assert.Equal("InvalidRequestException", await Refused("delete-thing-group", "--thing-group-name", parent));

        await Aws("update-thing-groups-for-thing", "--thing-name", _name, "--thing-groups-to-add", parent, "--thing-groups-to-remove", child);
        Assert.Equal([parent], Names(await Aws("list-thing-groups-for-thing", "--thing-name", _name), "thingGroups", "groupName"));
        await Aws("remove-thing-from-thing-group", "--thing-group-name", parent, "--thing-name", _name);
        Assert.Empty(Texts(await Aws("list-things-in-thing-group", "--thing-group-name", parent), "things"));
        var updated = await Aws("update-thing-group", "--thing-group-name", child, "--thing-group-properties", "thingGroupDescription=lower", "--expected-version", "1");
        Assert.Equal(2, updated["version"]!.GetValue<int>());
        await Aws("delete-thing-group", "--thing-group-name", child);
        await Aws("delete-thing-group", "--thing-group-name", child);
        Assert.Equal("ResourceNotFoundException", await Refused("describe-thing-group", "--thing-group-name", child));
        Assert.Equal("ResourceNotFoundException", await Refused("add-thing-to-thing-group", "--thing-group-name", child, "--thing-name", _name));
    }

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["iot", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["iot", .. arguments]);

    private static List<string> Names(JsonNode answer, string list, string name) => [.. answer[list]!.AsArray().Select(i => i![name]!.ToString())];

    private static List<string> Texts(JsonNode answer, string list) => [.. answer[list]!.AsArray().Select(i => i!.ToString())];
}
