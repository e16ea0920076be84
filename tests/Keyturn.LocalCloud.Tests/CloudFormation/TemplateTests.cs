using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Keyturn.LocalCloud.CloudFormation;

namespace Keyturn.LocalCloud.Tests.CloudFormation;

public sealed class TemplateTests
{
    [Theory]
    [InlineData("""{"Ref":"P"}""", "\"value\"")]
    [InlineData("""{"Ref":"AWS::Region"}""", "\"us-east-1\"")]
    [InlineData("""{"Fn::Join":["-",["a",{"Ref":"P"}]]}""", "\"a-value\"")]
    [InlineData("""{"Fn::Sub":"${P}/${Other}/${Other.Arn}/${!P}"}""", "\"value/ref-Other/arn-Other/${P}\"")]
    [InlineData("""{"Fn::Sub":["${x} ${P}",{"x":{"Ref":"Other"}}]}""", "\"ref-Other value\"")]
    [InlineData("""{"Fn::GetAtt":["Other","Arn"]}""", "\"arn-Other\"")]
    [InlineData("""{"Fn::If":["Yes",1,2]}""", "1")]
    [InlineData("""{"Fn::If":["No",1,{"Ref":"AWS::NoValue"}]}""", null)]
    [InlineData("""{"Fn::Select":["1",{"Fn::Split":[",","a,b"]}]}""", "\"b\"")]
    [InlineData("""{"Fn::FindInMap":["M","r","c"]}""", "\"cell\"")]
    [InlineData("""{"a":[{"Ref":"AWS::NoValue"},1],"b":{"Ref":"AWS::NoValue"}}""", """{"a":[1]}""")]
    public void Intrinsic_functions_give_what_CloudFormation_gives(string value, string? expected)
    {
        JsonNode? seen = null;
        Deploy($$"""
            {
              "Parameters": { "P": { "Type": "String", "Default": "value" } },
              "Mappings": { "M": { "r": { "c": "cell" } } },
              "Conditions": {
                "Yes": { "Fn::Equals": [{ "Ref": "P" }, "value"] },
                "No": { "Fn::Or": [{ "Fn::Not": [{ "Condition": "Yes" }] }, { "Fn::And": [{ "Condition": "Yes" }, { "Fn::Equals": ["a", "b"] }] }] }
              },
              "Resources": { "R": { "Type": "T", "Properties": { "X": {{value}} } }, "Other": { "Type": "T" } }
            }
            """, (properties, name) =>
        {
            seen = properties.Json("X") ?? seen;
            return new CreatedResource("ref-" + name[2..], "arn-" + name[2..]);
        });
        Assert.Equal(expected, seen?.ToJsonString(new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    [Fact]
    public void Resources_come_after_those_they_need_and_without_those_whose_condition_fails()
    {
        var order = new List<string>();
        var count = Deploy("""
            {
              "Conditions": { "Never": { "Fn::Equals": ["a", "b"] } },
              "Resources": {
                "A": { "Type": "T", "Properties": { "X": { "Ref": "C" } }, "DependsOn": "B" },
                "B": { "Type": "T" }, "C": { "Type": "T", "DependsOn": ["B"] }, "D": { "Type": "T", "Condition": "Never" }
              }
            }
            """, (properties, name) =>
        {
            properties.Json("X");
            order.Add(name[2..]);
            return new CreatedResource(name, name);
        });
        Assert.Equal((3, "B C A"), (count, string.Join(' ', order)));
    }

    [Theory]
    [InlineData("[]", "not a JSON object")]
    [InlineData("{", "not JSON")]
    [InlineData("{}", "no Resources")]
    [InlineData("""{"Transform":"x","Resources":{}}""", "Transform")]
    [InlineData("""{"Resources":{"A":{"Type":"AWS::Foo::Bar"}}}""", "AWS::Foo::Bar")]
    [InlineData("""{"Resources":{"A":{}}}""", "A has no Type")]
    [InlineData("""{"Resources":{"A":{"Type":"T","Properties":{"Y":1}}}}""", "property Y")]
    [InlineData("""{"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"A"}}}}}""", "depends on itself")]
    [InlineData("""{"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"Z"}}}}}""", "Z")]
    [InlineData("""{"Resources":{"A":{"Type":"T","Properties":{"X":{"Fn::Base64":"a"}}}}}""", "Fn::Base64")]
    [InlineData("""{"Parameters":{"P":{"Type":"String"}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}""", "no Default")]
    [InlineData("""{"Parameters":{"P":{"Type":"String","Default":"x","AllowedValues":["y"]}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}""", "none of y")]
    [InlineData("""{"Parameters":{"P":{"Type":"String","Default":"x","AllowedPattern":"[0-9]+"}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}""", "does not match")]
    [InlineData("""{"Parameters":{"P":{"Type":"Number","Default":"x"}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}""", "not a number")]
    [InlineData("""{"Parameters":{"P":{"Type":"Number","Default":5,"MaxValue":4}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}""", "out of its range")]
    [InlineData("""{"Resources":{"A":{"Type":"T","Properties":{"X":{"Fn::ImportValue":"a"}}}}}""", "Fn::ImportValue")]
    [InlineData("""{"Resources":{"A":{"Type":"T"}},"Outputs":{"O":{"Value":{"Ref":"Z"}}}}""", "Z")]
    [InlineData("""{"Conditions":{"C":{"Condition":"C"}},"Resources":{"A":{"Type":"T","Condition":"C"}}}""", "depends on itself")]
    public void What_can_not_be_deployed_is_named(string template, string named)
    {
        var error = Assert.Throws<StackException>(() => Deploy(template, Take));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_given_for_a_parameter_wins_and_one_for_none_is_an_error()
    {
        var template = Template.Parse("""{"Parameters":{"P":{"Type":"String"}},"Resources":{"A":{"Type":"T","Properties":{"X":{"Ref":"P"}}}}}"""u8);
        JsonNode? seen = null;
        Stack.Deploy(template.With([new("P", "given")]), "s", new Dictionary<string, ResourceFactory>
        {
            ["T"] = (properties, name) =>
            {
                seen = properties.Json("X");
                return new CreatedResource(name, name);
            },
        });
        Assert.Equal("given", seen!.ToString());
        Assert.Contains("no parameter Q", Assert.Throws<StackException>(() => template.With([new("Q", "x")])).Message, StringComparison.Ordinal);
    }

    /// <summary>Any template is deployed or refused; nothing else is thrown.</summary>
    [Fact]
    public void A_mutilated_template_is_refused_not_a_crash()
    {
        var whole = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "CloudFormation", "test-stack.json"));
        var types = JsonNode.Parse(whole)!["Resources"]!.AsObject().Select(r => r.Value!["Type"]!.ToString()).Distinct().ToDictionary(t => t, _ => (ResourceFactory)Take);
        Gen.Select(Gen.Int[0, whole.Length - 1], Gen.Int[0, 40], Gen.OneOf([.. ((string[])["", "\"Ref\"", "{", "[]", "null", "\"Fn::Sub\"", "1", "\"${\"", ":"]).Select(Gen.Const)])).Sample((at, cut, put) =>
        {
            byte[] spoiled = [.. whole[..at], .. Encoding.UTF8.GetBytes(put), .. whole[Math.Min(whole.Length, at + cut)..]];
            try
            {
                Stack.Deploy(Template.Parse(spoiled), "stack", types);
            }
            catch (StackException)
            {
            }
        }, writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: 5000);
    }

    private static CreatedResource Take(ResourceProperties properties, string name)
    {
        properties.Json("X");
        return new CreatedResource(name, name);
    }

    private static int Deploy(string template, ResourceFactory factory) =>
        Stack.Deploy(Template.Parse(Encoding.UTF8.GetBytes(template)), "s", new Dictionary<string, ResourceFactory> { ["T"] = factory });
}
