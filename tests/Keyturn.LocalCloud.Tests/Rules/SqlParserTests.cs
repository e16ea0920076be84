using CsCheck;
using Keyturn.LocalCloud.Rules;
using Keyturn.LocalCloud.Rules.Sql;

namespace Keyturn.LocalCloud.Tests.Rules;

public sealed class SqlParserTests
{
    [Theory]
    [InlineData("", "empty")]
    [InlineData("SELECT", "Expected an expression, found the end of the statement at 7")]
    [InlineData("SELECT * FROM a/b", "Expected the topic filter of FROM in single quotes, found \"a\" at 15")]
    [InlineData("SELECT * WHERE a = 1", "Expected FROM, found \"WHERE\" at 10")]
    [InlineData("SELECT * FROM 'a' WHERE", "Expected an expression, found the end of the statement at 24")]
    [InlineData("SELECT * FROM 'a' LIMIT 1", "Expected the end of the statement, found \"LIMIT\" at 19")]
    [InlineData("SELECT a, FROM 'a'", "Expected an expression, found \"FROM\" at 11")]
    [InlineData("SELECT a AS FROM 'a'", "Expected FROM, found 'a'")]
    [InlineData("SELECT a AS 5 FROM 'a'", "Expected a name after AS, found \"5\" at 13")]
    [InlineData("SELECT nosuch(a) FROM 'a'", "Unknown function nosuch at 8")]
    [InlineData("SELECT (a FROM 'a'", "Expected \")\", found \"FROM\" at 11")]
    [InlineData("SELECT 'a FROM 'a'", "has no closing '")]
    [InlineData("SELECT a ? b FROM 'a'", "Unexpected character \"?\" at 10")]
    [InlineData("SELECT a. FROM 'a'", "Expected FROM")]
    [InlineData("SELECT 1x FROM 'a'", "A number can't go on with \"x\" at 9")]
    [InlineData("SELECT CASE a END FROM 'a'", "Expected WHEN")]
    [InlineData("SELECT cast(a as thing) FROM 'a'", "Unknown type thing at 18")]
    [InlineData("SELECT VALUE a, b FROM 'a'", "SELECT VALUE takes one item only")]
    [InlineData("SELECT * FROM 'a/#/b'", "has a # that is not its last segment")]
    [InlineData("SELECT * FROM 'a/b+'", "has a + that is not a segment of its own")]
    [InlineData("SELECT * FROM ''", "is empty")]
    [InlineData("SELECT {a: 1} AS x FROM 'a'", "Expected a member's name in quotes, found \"a\" at 9")]
    public void A_bad_statement_is_refused_with_the_place_and_the_reason(string sql, string reason) =>
        Assert.Contains(reason, Assert.Throws<SqlParseException>(() => SqlParser.Parse(sql)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("(")]
    [InlineData("-")]
    [InlineData("+")]
    [InlineData("NOT ")]
    [InlineData("[")]
    [InlineData("1+")]
    [InlineData("a.")]
    [InlineData("(SELECT a FROM ")]
    [InlineData("CASE ")]
    [InlineData("abs(")]
    public void Endless_nesting_is_refused_and_not_followed(string opening) =>
        Assert.Throws<SqlParseException>(() => SqlParser.Parse($"SELECT {string.Concat(Enumerable.Repeat(opening, 100_000))}"));

    [Fact]
    public void Any_text_is_parsed_or_refused()
    {
        var words = Gen.OneOf(
            "SELECT", "*", "FROM", "WHERE", "AS", "AND", "OR", "NOT", "IN", "VALUE", "CASE", "WHEN", "THEN", "END", "cast", "topic", "(", ")", "[", "]",
            "{", "}", ",", ".", ":", "=", "<>", "<", "+", "-", "/", "%", "'a/+/b'", "'#'", "\"x\"", "a", "b", "1", "2.5", "null", "true", "isUndefined(", "'");
        Gen.OneOf(words.List[0, 25].Select(w => string.Join(' ', w)), Gen.String).Sample(
            text =>
            {
                try
                {
                    SqlParser.Parse(text);
                }
                catch (SqlParseException)
                {
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: 20_000);
    }

    [Fact]
    public void Any_expression_that_parses_has_a_value_for_any_payload()
    {
        var leaves = Gen.OneOf("a", "a.b", "1", "'x'", "'5'", "null", "true", "undefined", "[1, a]", "{'k': a}", "1e28", "-0.5", "*");
        var functions = Gen.OneOf(
            "abs", "floor", "lower", "substring", "get", "concat", "topic", "trunc", "power", "regexp_replace", "lpad", "encode", "decode", "chr", "bitand", "replace", "sqrt");
        var payloads = Gen.OneOf("{}", "[]", "{\"a\":1}", "{\"a\":{\"b\":\"5\"}}", "{\"a\":[1,2]}", "{\"a\":1e300}", "junk", "\"x\"", "null");
        var operators = Gen.OneOf("+", "-", "*", "/", "%", "=", "<>", "<", ">=", "AND", "OR", "IN");
        Gen.Select(leaves, operators, leaves, functions, leaves, payloads).Sample(
            (left, op, right, function, third, payload) =>
            {
                foreach (var text in new[] { $"{left} {op} {right}", $"{function}({left}, {right}, {third})", $"{function}({left})", $"{function}({right}, {third})" })
                {
                    try
                    {
                        Sql.Run($"SELECT {text} AS x FROM 'a' WHERE isUndefined({text}) OR true", payload);
                    }
                    catch (SqlParseException)
                    {
                    }
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: 20_000);
    }

    [Theory]
    [InlineData("a/b", "a/b", true)]
    [InlineData("a/+", "a/b", true)]
    [InlineData("a/+", "a/b/c", false)]
    [InlineData("a/+", "a", false)]
    [InlineData("a/#", "a/b/c", true)]
    [InlineData("a/#", "a", true)]
    [InlineData("a/#", "ab", false)]
    [InlineData("#", "a/b", true)]
    [InlineData("#", "$aws/events/x", false)]
    [InlineData("+/events", "$aws/events", false)]
    [InlineData("$aws/events/jobExecution/#", "$aws/events/jobExecution/j/succeeded", true)]
    [InlineData("awslabs/things/+/certificate/create", "awslabs/things/pump1/certificate/create", true)]
    [InlineData("awslabs/things/+/certificate/create", "awslabs/things/pump1/certificate/create/accepted", false)]
    [InlineData("a/b", "A/b", false)]
    public void A_filter_takes_the_topics_that_MQTT_says(string filter, string topic, bool matches) =>
        Assert.Equal(matches, new TopicFilter(filter).Matches(topic));
}
