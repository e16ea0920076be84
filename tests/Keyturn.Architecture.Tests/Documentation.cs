using System.Text.RegularExpressions;

namespace Keyturn.Architecture.Tests;

/// <summary>What the documents point at is there.</summary>
public sealed partial class Documentation
{
    public static TheoryData<string> Documents =>
        [.. Directory.EnumerateFiles(Repository.Root, "*.md").Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md")).Select(Repository.Relative)];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_to_a_file_and_a_heading_of_the_repository(string document)
    {
        var file = Path.Combine(Repository.Root, document);
        foreach (Match link in Link().Matches(File.ReadAllText(file)))
        {
            var (path, anchor) = (link.Groups["path"].Value, link.Groups["anchor"].Value);
            var target = path.Length == 0 ? file : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(file)!, path));
            Assert.True(Path.Exists(target), $"{document} links to {path}, which is not there");
            if (anchor.Length > 0 && target.EndsWith(".md", StringComparison.Ordinal))
                Assert.True(Anchors(target).Contains(anchor), $"{document} links to #{anchor} of {Repository.Relative(target)}, which has no such heading");
        }
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Where_keyturn_lies_is_said_before_it_is_run(string document)
    {
        var text = File.ReadAllText(Path.Combine(Repository.Root, document));
        if (RunsKeyturn().Match(text) is { Success: true } run)
            Assert.True(
                text[..run.Index].Contains("`artifacts/bin/Keyturn.Cli/release/keyturn`", StringComparison.Ordinal),
                $"{document} runs '{run.Value}', which is on nobody's PATH, and has not said where script/build puts it");
    }

    [Fact]
    public void Every_test_that_the_threat_model_names_exists()
    {
        var tests = string.Concat(Repository.Sources("tests").Select(File.ReadAllText));
        var named = TestName().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs", "security.md")));

        Assert.True(named.Count > 20);
        Assert.All(named, name => Assert.True(tests.Contains($" {name.Groups[1].Value}(", StringComparison.Ordinal), $"there is no test {name.Groups[1].Value}"));
    }

    [Fact]
    public void Each_thing_that_the_local_cloud_is_exact_in_names_tests_that_exist()
    {
        var tests = string.Concat(Repository.Sources("tests").Select(File.ReadAllText));
        var section = File.ReadAllText(Path.Combine(Repository.Root, "docs", "local-cloud.md")).Split("## What is exact")[1].Split("\n## ")[0];
        var claims = section.Split("\n- **")[1..];

        Assert.True(claims.Length > 10);
        foreach (var claim in claims)
        {
            var named = TestName().Matches(claim);
            Assert.True(named.Count > 0, $"no test is named for {claim.Split("**")[0]}");
            Assert.All(named, name => Assert.True(tests.Contains($" {name.Groups[1].Value}(", StringComparison.Ordinal), $"there is no test {name.Groups[1].Value}"));
        }
    }

    [Fact]
    public void Every_text_under_troubleshooting_is_one_of_the_product()
    {
        var product = string.Concat(Repository.Sources("src").Select(File.ReadAllText));
        var section = File.ReadAllText(Path.Combine(Repository.Root, "docs", "operations.md")).Split("## Troubleshooting")[1].Split("\n## ")[0];
        var quoted = QuotedInFirstCell().Matches(section);

        Assert.True(quoted.Count > 10);
        Assert.All(quoted, text => Assert.True(product.Contains(text.Groups[1].Value, StringComparison.Ordinal), $"nothing of the product says '{text.Groups[1].Value}'"));
    }

    private static HashSet<string> Anchors(string file) =>
        [.. Heading().Matches(File.ReadAllText(file)).Select(heading => NotInAnchors().Replace(heading.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex(@"\]\((?!https?:|mailto:)(?<path>[^)#\s]*)(?:#(?<anchor>[^)\s]+))?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^(\$ )?keyturn [a-z]+", RegexOptions.Multiline)]
    private static partial Regex RunsKeyturn();

    [GeneratedRegex("`([A-Z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)`")]
    private static partial Regex TestName();

    [GeneratedRegex(@"^\| `([^`]+)` \|", RegexOptions.Multiline)]
    private static partial Regex QuotedInFirstCell();

    [GeneratedRegex(@"^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInAnchors();
}
