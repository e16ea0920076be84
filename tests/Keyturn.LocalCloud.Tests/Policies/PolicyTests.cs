using System.Net;
using CsCheck;
using Keyturn.LocalCloud.Policies;
using Keyturn.LocalCloud.Registry;
using Keyturn.LocalCloud.Tests.Mqtt;

namespace Keyturn.LocalCloud.Tests.Policies;

public sealed class PolicyTests
{
    private const string Arn = "arn:aws:iot:us-east-1:012345678901:";

    [Theory]
    // Actions
    [InlineData("iot:Publish", "*", "iot:Publish", "topic/a", true)]
    [InlineData("iot:publish", "*", "iot:Publish", "topic/a", true)]
    [InlineData("iot:*", "*", "iot:Receive", "topic/a", true)]
    [InlineData("*", "*", "iot:Connect", "client/a", true)]
    [InlineData("iot:Pub*", "*", "iot:Publish", "topic/a", true)]
    [InlineData("iot:Publish", "*", "iot:RetainPublish", "topic/a", false)]
    [InlineData("greengrass:*", "*", "iot:Publish", "topic/a", false)]
    // Resources
    [InlineData("iot:*", Arn + "topic/a", "iot:Publish", "topic/a", true)]
    [InlineData("iot:*", Arn + "topic/a", "iot:Publish", "topic/A", false)]
    [InlineData("iot:*", Arn + "topic/a", "iot:Publish", "topic/a/b", false)]
    [InlineData("iot:*", Arn + "topic/a/*", "iot:Publish", "topic/a/b/c", true)]
    [InlineData("iot:*", Arn + "topic/a/*", "iot:Publish", "topic/a", false)]
    [InlineData("iot:*", Arn + "topic/*/c", "iot:Publish", "topic/a/b/c", true)]
    [InlineData("iot:*", Arn + "topic/a?c", "iot:Publish", "topic/abc", true)]
    [InlineData("iot:*", Arn + "topic/a?c", "iot:Publish", "topic/ac", false)]
    [InlineData("iot:*", "arn:aws:iot:*:*:topic/a", "iot:Publish", "topic/a", true)]
    [InlineData("iot:*", Arn + "topicfilter/a", "iot:Publish", "topic/a", false)]
    // MQTT's wildcards are letters like any other
    [InlineData("iot:*", Arn + "topicfilter/a/+/c", "iot:Subscribe", "topicfilter/a/+/c", true)]
    [InlineData("iot:*", Arn + "topicfilter/a/+/c", "iot:Subscribe", "topicfilter/a/b/c", false)]
    [InlineData("iot:*", Arn + "topicfilter/a/#", "iot:Subscribe", "topicfilter/a/b", false)]
    [InlineData("iot:*", Arn + "topicfilter/a/*", "iot:Subscribe", "topicfilter/a/#", true)]
    // Variables
    [InlineData("iot:*", Arn + "client/${iot:ClientId}", "iot:Connect", "client/pump1", true)]
    [InlineData("iot:*", Arn + "client/${iot:Connection.Thing.ThingName}", "iot:Connect", "client/pump1", true)]
    [InlineData("iot:*", Arn + "topic/${iot:Connection.Thing.ThingName}/*", "iot:Publish", "topic/pump10/x", false)]
    [InlineData("iot:*", Arn + "topic/${iot:Connection.Thing.ThingTypeName}", "iot:Publish", "topic/Pump", true)]
    [InlineData("iot:*", Arn + "topic/${iot:Connection.Thing.Attributes[site]}", "iot:Publish", "topic/north", true)]
    [InlineData("iot:*", Arn + "topic/${iot:Connection.Thing.Attributes[none]}", "iot:Publish", "topic/", false)]
    [InlineData("iot:*", Arn + "topic/${iot:Certificate.Subject.CommonName}", "iot:Publish", "topic/device 7", true)]
    [InlineData("iot:*", Arn + "topic/${iot:Certificate.Subject.OrganizationalUnit}", "iot:Publish", "topic/", false)]
    [InlineData("iot:*", Arn + "topic/${iot:Certificate.Issuer.CommonName}", "iot:Publish", "topic/Test root", true)]
    [InlineData("iot:*", Arn + "topic/${*}", "iot:Publish", "topic/*", true)]
    [InlineData("iot:*", Arn + "topic/${*}", "iot:Publish", "topic/a", false)]
    [InlineData("iot:*", Arn + "topic/${nobody:Knows}", "iot:Publish", "topic/", false)]
    public void A_single_allow_statement(string action, string resource, string asked, string on, bool allowed)
    {
        var policy = $$"""{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"{{action}}","Resource":["{{resource}}"]}]}""";

        Assert.Equal(allowed, PolicyEvaluation.Allows(Context([policy]), asked, Arn + on));
    }

    [Theory]
    [InlineData("""{"Bool":{"iot:Connection.Thing.IsAttached":["true"]}}""", true)]
    [InlineData("""{"Bool":{"iot:Connection.Thing.IsAttached":"false"}}""", false)]
    [InlineData("""{"Bool":{"iot:Connection.Thing.IsAttached":true}}""", true)]
    [InlineData("""{"StringEquals":{"iot:ClientId":["x","pump1"]}}""", true)]
    [InlineData("""{"StringEquals":{"iot:ClientId":"pump*"}}""", false)]
    [InlineData("""{"StringLike":{"iot:ClientId":"pump*"}}""", true)]
    [InlineData("""{"StringNotLike":{"iot:ClientId":"pump*"}}""", false)]
    [InlineData("""{"StringNotEquals":{"iot:ClientId":"other"}}""", true)]
    [InlineData("""{"StringEqualsIgnoreCase":{"iot:ClientId":"PUMP1"}}""", true)]
    [InlineData("""{"StringEquals":{"iot:Connection.Thing.ThingTypeName":"Pump"},"StringLike":{"iot:ClientId":"nobody"}}""", false)]
    [InlineData("""{"StringEquals":{"iot:Connection.Thing.Attributes[none]":"x"}}""", false)]
    [InlineData("""{"StringEqualsIfExists":{"iot:Connection.Thing.Attributes[none]":"x"}}""", true)]
    [InlineData("""{"Null":{"iot:Connection.Thing.Attributes[none]":"true"}}""", true)]
    [InlineData("""{"Null":{"iot:ClientId":"true"}}""", false)]
    [InlineData("""{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}""", true)]
    [InlineData("""{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8"]}}""", false)]
    [InlineData("""{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}""", true)]
    [InlineData("""{"NumericLessThan":{"aws:EpochTime":"1000"}}""", false)]
    [InlineData("""{"ForAllValues:StringLike":{"iot:ClientId":["pump*"]}}""", true)]
    [InlineData("""{"ForAnyValue:StringEquals":{"iot:ClientId":["${iot:Connection.Thing.ThingName}"]}}""", true)]
    public void Conditions(string condition, bool allowed)
    {
        var policy = $$$"""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"*","Condition":{{{condition}}}}}""";

        Assert.Equal(allowed, PolicyEvaluation.Allows(Context([policy]), "iot:Connect", Arn + "client/pump1"));
    }

    [Fact]
    public void An_explicit_deny_beats_every_allow_whatever_the_order()
    {
        const string Allow = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""";
        const string Deny = """{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iot:Publish","Resource":"*/secret"}}""";

        foreach (var policies in (string[][])[[Allow, Deny], [Deny, Allow]])
        {
            Assert.False(PolicyEvaluation.Allows(Context(policies), "iot:Publish", Arn + "topic/secret"));
            Assert.True(PolicyEvaluation.Allows(Context(policies), "iot:Publish", Arn + "topic/open"));
        }

        Assert.False(PolicyEvaluation.Allows(Context([]), "iot:Publish", Arn + "topic/open"));
    }

    [Fact]
    public void NotAction_and_NotResource_mean_everything_else()
    {
        const string Policy = """
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","NotAction":["iot:Publish"],"NotResource":"*topic/b"}}
            """;

        Assert.True(PolicyEvaluation.Allows(Context([Policy]), "iot:Receive", Arn + "topic/a"));
        Assert.False(PolicyEvaluation.Allows(Context([Policy]), "iot:Publish", Arn + "topic/a"));
        Assert.False(PolicyEvaluation.Allows(Context([Policy]), "iot:Receive", Arn + "topic/b"));
    }

    [Fact]
    public void Wildcards_in_the_value_of_a_variable_are_plain_text()
    {
        const string Policy = """
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:012345678901:topic/${iot:ClientId}"}}
            """;

        Assert.False(PolicyEvaluation.Allows(Context([Policy], clientId: "*"), "iot:Publish", Arn + "topic/anything"));
        Assert.True(PolicyEvaluation.Allows(Context([Policy], clientId: "*"), "iot:Publish", Arn + "topic/*"));
    }

    [Fact]
    public void An_older_document_version_knows_no_variables()
    {
        const string Policy = """
            {"Version":"2008-10-17","Statement":{"Effect":"Allow","Action":"iot:*","Resource":"arn:aws:iot:us-east-1:012345678901:client/${iot:ClientId}"}}
            """;

        Assert.False(PolicyEvaluation.Allows(Context([Policy]), "iot:Connect", Arn + "client/pump1"));
    }

    [Theory]
    [InlineData("pump1", false, true)]
    [InlineData("pump1#preflight", false, false)]
    [InlineData("pump1#preflight", true, true)]
    public void Thing_variables_follow_the_client_id_unless_the_thing_is_exclusive(string clientId, bool exclusive, bool resolved)
    {
        const string Policy = """
            {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:Publish","Resource":"arn:aws:iot:us-east-1:012345678901:topic/${iot:Connection.Thing.ThingName}"}}
            """;

        Assert.Equal(resolved, PolicyEvaluation.Allows(Context([Policy], clientId, exclusive), "iot:Publish", Arn + "topic/pump1"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"Version":"2012-10-17"}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":[]}""")]
    [InlineData("""{"Version":"2013-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"Publish","Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":[],"Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":7,"Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"topic/a"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:iot:us-east-1:1:topic/${iot:ClientId"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Principal":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringMatches":{"iot:ClientId":"a"}}}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"iot:ClientId":"maybe"}}}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"here"}}}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"ClientId":"a"}}}}""")]
    [InlineData("""{"Version":"2012-10-17","Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}""")]
    [InlineData("""{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iot:\ud800","Resource":"*"}}""")]
    public void Malformed_documents_are_refused(string document) =>
        Assert.Throws<PolicyFormatException>(() => PolicyDocument.Parse(document));

    [Fact]
    public void A_document_of_more_than_2048_characters_is_refused()
    {
        var statement = $$"""{"Effect":"Allow","Action":"*","Resource":"{{Arn}}topic/{{new string('x', 2048)}}"}""";

        Assert.Throws<PolicyFormatException>(() => PolicyDocument.Parse($$"""{"Version":"2012-10-17","Statement":{{statement}}}"""));
    }

    [Fact]
    public void Any_text_is_a_policy_or_refused_as_malformed()
    {
        var pieces = OneOf<string>(
            "{", "}", "[", "]", ":", ",", "\"Version\"", "\"2012-10-17\"", "\"Statement\"", "\"Effect\"", "\"Allow\"", "\"Action\"", "\"iot:*\"",
            "\"Resource\"", "\"*\"", "\"${\"", "\"Condition\"", "\"Bool\"", "\"iot:ClientId\"", "true", "7", "null", "\"\\ud800\"");
        Gen.OneOf(Gen.String, pieces.Array[0, 25].Select(string.Concat)).Sample(text =>
        {
            try
            {
                PolicyEvaluation.Allows(Context([text]), "iot:Publish", Arn + "topic/a");
            }
            catch (PolicyFormatException)
            {
            }
        }, writeLine: TestContext.Current.TestOutputHelper!.WriteLine);
    }

    [Fact]
    public void Matching_agrees_with_a_plain_recursive_definition()
    {
        var letters = OneOf('a', 'b', '*', '?');
        Gen.Select(letters.Array[0, 8], OneOf('a', 'b').Array[0, 10]).Sample((pattern, value) =>
        {
            var matches = PolicyPattern.Parse(new string(pattern), hasVariables: true).Matches(new string(value), Context([]));
            Assert.Equal(Recursive(pattern, value), matches);
        });

        static bool Recursive(ReadOnlySpan<char> pattern, ReadOnlySpan<char> value) =>
            pattern.IsEmpty ? value.IsEmpty
            : pattern[0] == '*' ? Recursive(pattern[1..], value) || (!value.IsEmpty && Recursive(pattern, value[1..]))
            : !value.IsEmpty && (pattern[0] == '?' || pattern[0] == value[0]) && Recursive(pattern[1..], value[1..]);
    }

    private static Gen<T> OneOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static PolicyContext Context(IReadOnlyList<string> policies, string clientId = "pump1", bool exclusive = false)
    {
        var thing = new DeviceThing("pump1", Arn + "thing/pump1", "Pump", new Dictionary<string, string> { ["site"] = "north" });
        return new PolicyContext(
            new DeviceCertificate("c", true, policies, [thing], exclusive ? thing : null), clientId, Certificate,
            IPAddress.Parse("10.1.2.3"), new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    }

    private static readonly System.Security.Cryptography.X509Certificates.X509Certificate2 Certificate = TestPki.Shared.Issue("CN=device 7, O=Pumps");
}
