using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.DynamoDb;

public sealed class QueryTests
{
    private readonly Ledger _ledger = new();

    [Theory]
    [InlineData("thing = :t", "active,rotation#1,rotation#2,rotation#3,zz")]
    [InlineData("thing = :t AND begins_with(sort, :r)", "rotation#1,rotation#2,rotation#3")]
    [InlineData("sort > :r2 AND thing = :t", "rotation#3,zz")]
    [InlineData("thing = :t AND sort BETWEEN :r2 AND :r3", "rotation#2,rotation#3")]
    [InlineData("(thing = :t) AND (sort = :r2)", "rotation#2")]
    [InlineData("#h = :t AND sort <= :r", "active")]
    public async Task A_query_gives_the_items_of_one_hash_key_in_the_order_of_the_range_key(string condition, string expected)
    {
        await FillAsync();

        var answer = await _ledger.CallAsync("Query", Query(condition));
        var reversed = await _ledger.CallAsync("Query", Query(condition, """ "ScanIndexForward":false """));

        Assert.Equal(expected.Split(','), Sorts(answer));
        Assert.Equal(expected.Split(',').Reverse(), Sorts(reversed));
        Assert.Equal(expected.Split(',').Length, (int)answer["Count"]!);
        Assert.Null(answer["LastEvaluatedKey"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_query_in_pages_misses_and_doubles_nothing(bool forward)
    {
        await FillAsync();
        var found = new List<string>();
        JsonNode? start = null;
        do
        {
            var more = $""" "Limit":2,"ScanIndexForward":{(forward ? "true" : "false")} """ + (start is null ? "" : $""","ExclusiveStartKey":{start.ToJsonString()} """);
            var page = await _ledger.CallAsync("Query", Query("thing = :t", more));
            found.AddRange(Sorts(page));
            start = page["LastEvaluatedKey"];
        }
        while (start is not null);

        string[] expected = ["active", "rotation#1", "rotation#2", "rotation#3", "zz"];
        Assert.Equal(forward ? expected : expected.Reverse(), found);
    }

    [Fact]
    public async Task A_filter_is_applied_after_the_limit()
    {
        await FillAsync();

        var page = await _ledger.CallAsync("Query", Query("thing = :t", """ "Limit":3,"FilterExpression":"n > :one" """, """ ,":one":{"N":"1"} """));

        Assert.Equal(["rotation#2"], Sorts(page));
        Assert.Equal(1, (int)page["Count"]!);
        Assert.Equal(3, (int)page["ScannedCount"]!);
        Assert.Equal("rotation#2", (string)page["LastEvaluatedKey"]!["sort"]!["S"]!);
    }

    [Fact]
    public async Task A_scan_in_pages_or_segments_sees_every_item_once()
    {
        for (var i = 0; i < 25; i++)
            await _ledger.PutAsync($"t{i % 7}", $"s{i:00}");
        var found = new List<string>();
        JsonNode? start = null;
        do
        {
            var page = await _ledger.CallAsync("Scan", $$"""{"TableName":"Ledger","Limit":4{{(start is null ? "" : $",\"ExclusiveStartKey\":{start.ToJsonString()}")}}}""");
            found.AddRange(Sorts(page));
            start = page["LastEvaluatedKey"];
        }
        while (start is not null);
        var segmented = new List<string>();
        for (var segment = 0; segment < 3; segment++)
            segmented.AddRange(Sorts(await _ledger.CallAsync("Scan", $$"""{"TableName":"Ledger","Segment":{{segment}},"TotalSegments":3}""")));

        Assert.Equal(Enumerable.Range(0, 25).Select(i => $"s{i:00}"), found.Order());
        Assert.Equal(found.Order(), segmented.Order());
    }

    [Fact]
    public async Task An_index_holds_the_items_that_have_its_key_and_the_attributes_it_projects()
    {
        await FillAsync();

        var found = await _ledger.CallAsync("Query", """{"TableName":"Ledger","IndexName":"ByKey","KeyConditionExpression":"keyHash = :k","ExpressionAttributeValues":{":k":{"S":"k2"}}}""");
        var all = await _ledger.CallAsync("Scan", """{"TableName":"Ledger","IndexName":"ByKey","Select":"COUNT"}""");

        Assert.Equal("""[{"keyHash":{"S":"k2"},"sort":{"S":"rotation#2"},"thing":{"S":"t"}}]""", found["Items"]!.ToJsonString());
        Assert.Equal(3, (int)all["Count"]!);
        Assert.Null(all["Items"]);
    }

    [Theory]
    [InlineData("sort = :t", "Query condition missed key schema element: thing")]
    [InlineData("thing = :t AND n = :t", "Query condition missed key schema element: sort")]
    [InlineData("thing > :t", "Query key condition not supported")]
    [InlineData("thing = :t OR sort = :t", "Invalid operator used in KeyConditionExpression: OR")]
    [InlineData("thing = :t AND sort <> :t", "Invalid operator used in KeyConditionExpression: <>")]
    [InlineData("thing = :t AND sort IN (:t)", "Invalid operator used in KeyConditionExpression: IN")]
    [InlineData("thing = :n", "Condition parameter type does not match schema type")]
    [InlineData("thing = :t AND sort > :t AND sort < :t", "must only contain one condition per key")]
    [InlineData("thing = sort", "compares keys with something other than values")]
    [InlineData("thing", "Invalid KeyConditionExpression: Syntax error")]
    public async Task A_bad_key_condition_is_refused(string condition, string reason)
    {
        var values = string.Join(',', new[] { ":t", ":n" }.Where(v => condition.Contains(v, StringComparison.Ordinal)).Select(v => $$"""
            "{{v}}":{"{{(v == ":n" ? "N" : "S")}}":"1"}
            """));
        var refused = await _ledger.RefusedAsync("Query", $$"""{"TableName":"Ledger","KeyConditionExpression":"{{condition}}"{{(values.Length > 0 ? $",\"ExpressionAttributeValues\":{{{values}}}" : "")}}}""");

        Assert.Equal("ValidationException", refused.Code);
        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(""" "FilterExpression":"sort = :t" """, "Filter Expression can only contain non-primary key attributes: Primary key attribute: sort")]
    [InlineData(""" "Limit":0 """, "Value '0' at 'limit'")]
    [InlineData(""" "IndexName":"None" """, "The table does not have the specified index: None")]
    [InlineData(""" "IndexName":"ByKey","ConsistentRead":true """, "Consistent reads are not supported on global secondary indexes")]
    [InlineData(""" "ExclusiveStartKey":{"thing":{"S":"t"}} """, "The provided starting key is invalid")]
    [InlineData(""" "Select":"EVERYTHING" """, "Value 'EVERYTHING' at 'select'")]
    [InlineData(""" "Select":"COUNT","ProjectionExpression":"n" """, "Cannot specify the ProjectionExpression when choosing to get COUNT")]
    [InlineData(""" "ProjectionExpression":"m, m.k" """, "Two document paths overlap")]
    public async Task A_bad_query_is_refused(string more, string reason) =>
        Assert.Contains(reason, (await _ledger.RefusedAsync("Query", Query("thing = :t", more))).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_page_ends_after_a_megabyte()
    {
        for (var i = 0; i < 4; i++)
            await _ledger.PutAsync("t", $"s{i}", $$$""" "v":{"S":"{{{new string('x', 390_000)}}}"} """);

        var page = await _ledger.CallAsync("Query", Query("thing = :t"));

        Assert.Equal(3, (int)page["Count"]!);
        Assert.Equal("s2", (string)page["LastEvaluatedKey"]!["sort"]!["S"]!);
    }

    private async Task FillAsync()
    {
        foreach (var sort in new[] { "rotation#2", "zz", "active", "rotation#1", "rotation#3" })
            await _ledger.PutAsync("t", sort, sort.StartsWith('r') ? $$$""" "n":{"N":"{{{sort[^1]}}}"},"keyHash":{"S":"k{{{sort[^1]}}}"} """ : "");
        await _ledger.PutAsync("other", "active");
    }

    private static string Query(string condition, string more = "", string values = "")
    {
        var all = new Dictionary<string, string> { [":t"] = "t", [":r"] = "rotation#", [":r2"] = "rotation#2", [":r3"] = "rotation#3" };
        var words = condition.Split(' ', '(', ')', ',');
        var used = string.Join(',', all.Where(v => words.Contains(v.Key)).Select(v => $$"""
            "{{v.Key}}":{"S":"{{v.Value}}"}
            """));
        var names = condition.Contains("#h", StringComparison.Ordinal) ? ""","ExpressionAttributeNames":{"#h":"thing"}""" : "";
        return $$"""{"TableName":"Ledger","KeyConditionExpression":"{{condition}}","ExpressionAttributeValues":{{{used}}{{values}}}{{names}}{{(more.Length > 0 ? "," : "")}}{{more}}}""";
    }

    private static IEnumerable<string> Sorts(JsonObject answer) => answer["Items"]!.AsArray().Select(i => (string)i!["sort"]!["S"]!);
}
