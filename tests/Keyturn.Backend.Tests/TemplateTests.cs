using System.Text.Json;
using System.Text.RegularExpressions;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

/// <summary>What the deployed stack lets each function do.</summary>
public sealed class TemplateTests
{
    private static readonly JsonElement Root = Read();
    private static readonly JsonElement Resources = Root.GetProperty("Resources");

    [Fact]
    public void No_function_that_a_device_s_message_reaches_may_delete_certificates() =>
        Assert.Equal(["JobExecutionTerminalPolicy", "ReconcileCertificatePolicy"], PoliciesWith("iot:DeleteCertificate"));

    [Fact]
    public void Only_one_function_may_have_certificates_issued() =>
        Assert.Equal(
            ["CreateCertificatePolicy"],
            ((string[])["iot:CreateCertificateFromCsr", "iot:RegisterCertificateWithoutCA", "acm-pca:IssueCertificate", "iot:AttachPolicy", "iot:AttachThingPrincipal"])
                .SelectMany(PoliciesWith).Distinct());

    [Fact]
    public void No_function_may_remove_from_the_ledger_or_do_everything_of_a_service()
    {
        var actions = Policies().SelectMany(p => Actions(p.Value)).ToArray();
        Assert.DoesNotContain(actions, a => a.Contains('*', StringComparison.Ordinal));
        Assert.DoesNotContain(actions, a => a.StartsWith("dynamodb:", StringComparison.Ordinal) && a is not ("dynamodb:Query" or "dynamodb:PutItem"));
    }

    [Fact]
    public void Answers_go_to_the_topics_of_their_own_kind_only()
    {
        foreach (var (policy, topic) in new[] { ("CreateCertificatePolicy", "create"), ("CommitCertificatePolicy", "commit") })
        {
            var publish = Assert.Single(
                Resources.GetProperty(policy).GetProperty("Properties").GetProperty("PolicyDocument").GetProperty("Statement").EnumerateArray(),
                s => s.GetProperty("Action").ToString() == "iot:Publish");
            Assert.All(
                publish.GetProperty("Resource").EnumerateArray(),
                r => Assert.Contains($"topic/awslabs/things/*/certificate/{topic}/", r.GetProperty("Fn::Sub").GetString(), StringComparison.Ordinal));
        }

        Assert.Equal(["CreateCertificatePolicy", "CommitCertificatePolicy"], PoliciesWith("iot:Publish"));
    }

    [Fact]
    public void Rules_name_their_columns_and_none_that_AWS_IoT_itself_knows_comes_from_the_payload()
    {
        foreach (var rule in Resources.EnumerateObject().Where(r => r.Value.GetProperty("Type").GetString() == "AWS::IoT::TopicRule"))
        {
            var sql = rule.Value.GetProperty("Properties").GetProperty("TopicRulePayload").GetProperty("Sql").GetString()!;
            var columns = sql["SELECT ".Length..sql.IndexOf(" FROM ", StringComparison.Ordinal)].Split(", ");
            Assert.DoesNotContain(columns, c => c.Contains('*', StringComparison.Ordinal) && !c.Contains("()", StringComparison.Ordinal));
            Assert.DoesNotContain(columns, c => c is "thingName" or "topic" or "clientId" or "principal" or "receivedAt");
        }
    }

    [Theory]
    [InlineData("create", typeof(CreateRequest), typeof(AttestRequest))]
    [InlineData("commit", typeof(CommitRequest))]
    public void A_rule_hands_over_every_field_that_its_function_reads(string topic, params Type[] requests)
    {
        var sql = Assert.Single(
            Resources.EnumerateObject().Where(r => r.Value.GetProperty("Type").GetString() == "AWS::IoT::TopicRule")
                .Select(r => r.Value.GetProperty("Properties").GetProperty("TopicRulePayload").GetProperty("Sql").GetString()!),
            s => s.Contains($"/certificate/{topic}'", StringComparison.Ordinal));
        var columns = sql["SELECT ".Length..sql.IndexOf(" FROM ", StringComparison.Ordinal)].Split(", ");
        Assert.All(
            requests.SelectMany(request => request.GetProperties()),
            field => Assert.Contains(JsonNamingPolicy.CamelCase.ConvertName(field.Name), columns));
    }

    [Fact]
    public void Functions_end_before_a_lease_does_and_a_lease_before_Lambda_tries_again()
    {
        var lease = TimeSpan.FromSeconds(50);
        // The sweep holds no lease.
        foreach (var function in Resources.EnumerateObject().Where(r => r.Value.GetProperty("Type").GetString() == "AWS::Lambda::Function" && r.Name != "ReconcileCertificateFunction"))
        {
            Assert.True(TimeSpan.FromSeconds(function.Value.GetProperty("Properties").GetProperty("Timeout").GetInt32()) < lease);
        }
    }

    [Theory]
    [InlineData("SilentAfterHours", "SILENT_AFTER_HOURS")]
    [InlineData("RetirementGraceHours", "RETIREMENT_GRACE_HOURS")]
    [InlineData("TrailRetentionDays", "TRAIL_RETENTION_DAYS")]
    [InlineData("PcaValidityInDays", "PCA_VALIDITY_IN_DAYS")]
    public void A_parameter_takes_what_the_function_takes_and_no_more(string parameter, string variable)
    {
        int[] numbers = [.. Enumerable.Range(0, 50), 100, 365, 999, 1000, 2159, 2160, 2161, 8759, 8760, 8761, 9999, 10_000, 29_999, 36_499, 36_500, 36_501, 99_999, 100_000];
        Assert.Equal(numbers.Where(n => FunctionTakes(variable, n)), numbers.Where(n => ParameterTakes(Root.GetProperty("Parameters").GetProperty(parameter), n)));
    }

    private static bool FunctionTakes(string variable, int number)
    {
        var settings = new Lambda.Settings(name => name == variable ? $"{number}" : name == "PCA_CA_ARN" ? "arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/ca" : null);
        try
        {
            _ = (settings.SilentAfter, settings.RetirementGrace, settings.TrailRetention, settings.PrivateCa);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static bool ParameterTakes(JsonElement parameter, int number) => parameter.TryGetProperty("AllowedPattern", out var pattern)
        ? Regex.IsMatch($"{number}", pattern.GetString()!)
        : (!parameter.TryGetProperty("MinValue", out var least) || number >= least.GetInt32())
            && (!parameter.TryGetProperty("MaxValue", out var most) || number <= most.GetInt32());

    private static IEnumerable<JsonProperty> Policies() =>
        Resources.EnumerateObject().Where(r => r.Value.GetProperty("Type").GetString() == "AWS::IAM::Policy");

    private static IEnumerable<string> PoliciesWith(string action) =>
        Policies().Where(p => Actions(p.Value).Contains(action)).Select(p => p.Name);

    private static IEnumerable<string> Actions(JsonElement policy) =>
        policy.GetProperty("Properties").GetProperty("PolicyDocument").GetProperty("Statement").EnumerateArray()
            .Select(s => s.GetProperty("Action"))
            .SelectMany(a => a.ValueKind == JsonValueKind.Array ? a.EnumerateArray().Select(e => e.GetString()!) : [a.GetString()!]);

    private static JsonElement Read()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var template = Path.Combine(directory.FullName, "infra", "AWSLabsCertificateRotator.template.json");
            if (File.Exists(template))
            {
                return JsonElement.Parse(File.ReadAllBytes(template));
            }
        }

        throw new InvalidOperationException("The tests run from the repository's artifacts directory.");
    }
}
