using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Management;

public sealed class ManagementTests
{
    [Fact]
    public async Task The_page_shows_what_there_is_and_nothing_a_device_sends_is_markup()
    {
        await using var cloud = await TimedCloud.StartAsync(faults: "drop topic=never");
        var device = await cloud.ConnectAsync("pump1");
        await device.PublishAsync("news", "<script>alert(1)</script>");
        await cloud.CallAsync("iot", "PUT", "/jobs/rotate-1", """{"targets":["arn:aws:iot:us-east-1:012345678901:thing/pump1"],"document":"{}"}""");
        using var http = new HttpClient();
        using var answer = await http.GetAsync(cloud.Management);
        var page = await answer.Content.ReadAsStringAsync();

        foreach (var expected in (string[])[
            "<h2>Things</h2>", "<td>pump1<td class=good>connected", "<h2>Certificates</h2>", "<td class=good>ACTIVE", "<h2>Job executions</h2>",
            "<td>rotate-1<td>pump1<td class=busy>QUEUED", "<h2>Last messages</h2>", "&lt;script&gt;alert(1)&lt;/script&gt;", "<td>iot:CreateJob<td class=n>1",
            "<h2>Notifications</h2>", "<td>drop topic=never<td class=n>0", "prefers-color-scheme:dark"])
            Assert.Contains(expected, page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", string.Join(' ', answer.Headers.GetValues("Content-Security-Policy")), StringComparison.Ordinal);
    }

    /// <summary>What a browser adds when the page of another site asks, and when that site's name was made to lead here.</summary>
    [Theory]
    [InlineData("Origin", "https://evil.example", 403)]
    [InlineData("Origin", "null", 403)]
    [InlineData("Origin", "http://127.0.0.1:1", 403)]
    [InlineData("Sec-Fetch-Site", "cross-site", 403)]
    [InlineData("Sec-Fetch-Site", "same-site", 403)]
    [InlineData("Host", "evil.example", 421)]
    [InlineData("Host", "127.0.0.1.evil.example:80", 421)]
    public async Task Pages_of_other_sites_reach_nothing(string header, string value, int status)
    {
        await using var cloud = await TimedCloud.StartAsync();
        await cloud.CallAsync("iot", "GET", "/things");

        Assert.Equal(status, (await cloud.ManageAsync("POST", "/faults", "freeze plane=api", (header, value))).Status);
        Assert.Equal(status, (await cloud.ManageAsync("DELETE", "/faults", null, (header, value))).Status);
        Assert.Equal(status, (await cloud.ManageAsync("DELETE", "/calls", null, (header, value))).Status);
        Assert.Equal(status, (await cloud.ManageAsync("GET", "/calls", null, (header, value))).Status);
        Assert.Empty((await cloud.ManageAsync("GET", "/faults")).Json["faults"]!.AsArray());
        Assert.Equal(1, (await cloud.ManageAsync("GET", "/calls")).Json["iot:ListThings"]!.GetValue<int>());
    }

    [Fact]
    public async Task Its_own_page_and_its_other_name_are_answered()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var own = cloud.Management.ToString().TrimEnd('/');
        Assert.Equal(201, (await cloud.ManageAsync("POST", "/faults", "drop topic=a", ("Origin", own), ("Sec-Fetch-Site", "same-origin"))).Status);
        Assert.Equal(200, (await cloud.ManageAsync("GET", "/calls", null, ("Host", $"localhost:{cloud.Management.Port}"))).Status);
        // A link on another site may lead to the page: looking changes nothing.
        Assert.Equal(200, (await cloud.ManageAsync("GET", "/", null, ("Sec-Fetch-Site", "cross-site"))).Status);
    }

    [Fact]
    public async Task Faults_are_set_all_or_none_and_taken_away_one_by_one()
    {
        await using var cloud = await TimedCloud.StartAsync();
        var refused = await cloud.ManageAsync("POST", "/faults", "drop topic=a; drop");
        Assert.Equal((400, "'drop': it needs topic=…; no fault was set"), (refused.Status, refused.Json["message"]!.ToString()));
        Assert.Equal(400, (await cloud.ManageAsync("POST", "/faults", "")).Status);
        Assert.Equal(413, (await cloud.ManageAsync("POST", "/faults", new string('x', 70_000))).Status);
        Assert.Equal(400, (await cloud.ManageAsync("POST", "/faults", string.Join(';', Enumerable.Repeat("drop topic=a", 101)))).Status);
        Assert.Empty((await cloud.ManageAsync("GET", "/faults")).Json["faults"]!.AsArray());

        var set = await cloud.ManageAsync("POST", "/faults", "drop topic=a\nfail call=iot:CreateThing");
        Assert.Equal(201, set.Status);
        var id = set.Json["ids"]![0]!;
        Assert.Equal(204, (await cloud.ManageAsync("DELETE", $"/faults/{id}")).Status);
        Assert.Equal(404, (await cloud.ManageAsync("DELETE", $"/faults/{id}")).Status);
        Assert.Equal("fail call=iot:CreateThing", Assert.Single((await cloud.ManageAsync("GET", "/faults")).Json["faults"]!.AsArray())!["fault"]!.ToString());
        Assert.Equal(204, (await cloud.ManageAsync("DELETE", "/faults")).Status);
        Assert.Empty((await cloud.ManageAsync("GET", "/faults")).Json["faults"]!.AsArray());
        Assert.Equal(405, (await cloud.ManageAsync("PUT", "/faults")).Status);
        Assert.Equal(404, (await cloud.ManageAsync("GET", "/nothing")).Status);
    }
}
