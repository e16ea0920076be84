using System.Text.Json.Nodes;

namespace Keyturn.Infrastructure.Tests;

/// <summary>The template in the repository is what the CDK app makes, and what LocalCloud deploys in the demo and in every end-to-end test.</summary>
public sealed class KeptTemplateTests(SynthesizedStacks stacks)
{
    [Fact]
    public void The_template_in_the_repository_is_the_synthesized_one()
    {
        var kept = File.ReadAllText(Path.Combine(SynthesizedStacks.RepositoryRoot, "infra", "AWSLabsCertificateRotator.template.json"));
        Assert.True(kept.TrimEnd() == stacks.Kept.Text.TrimEnd(), "infra/AWSLabsCertificateRotator.template.json is stale: run script/synth and commit what it writes.");
    }

    [Fact]
    public void Its_names_are_those_of_the_reference()
    {
        var kept = stacks.Kept;
        foreach (var name in (string[])["CreateCertificate", "CommitCertificate", "JobExecutionTerminal"])
        {
            Assert.Equal($"AWSLabsCertificateRotator{name}", kept.Properties($"{name}Function")["FunctionName"]!.ToString());
            Assert.Equal($"AWSLabsCertificateRotator{name}", kept.Properties($"{name}Rule")["RuleName"]!.ToString());
        }

        Assert.Equal("AWSLabsCertificateRotator", kept.Properties("JobTemplate")["JobTemplateId"]!.ToString());
        Assert.Equal("AWSLabsCertificateRotatorNotification", kept.Properties("NotificationTopic")["TopicName"]!.ToString());
    }

    [Fact]
    public void What_the_CDK_deploys_differs_in_its_values_only()
    {
        Assert.Equal(stacks.Kept.Section("Resources").Select(r => r.Key), stacks.Configured.Section("Resources").Select(r => r.Key));
        // Values that were parameters would keep their old ones through an update.
        Assert.Equal(["BootstrapVersion"], stacks.Configured.Section("Parameters").Select(p => p.Key));
    }

    [Fact]
    public void Context_arrives_where_it_takes_effect()
    {
        var variables = (JsonObject)stacks.Configured.Properties("CreateCertificateFunction")["Environment"]!["Variables"]!;
        Assert.EndsWith("certificate-authority/11111111-2222-3333-4444-555555555555", variables["PCA_CA_ARN"]!["Fn::Sub"]!.ToString(), StringComparison.Ordinal);
        Assert.Equal("30", variables["PCA_VALIDITY_IN_DAYS"]!.ToString());
        Assert.Equal("SHA256WITHECDSA", variables["PCA_SIGNING_ALGORITHM"]!.ToString());
        Assert.Equal("ECDSA-P256,ECDSA-P384", variables["ALLOWED_KEY_ALGORITHMS"]!.ToString());
        Assert.Equal("operators@example.com", stacks.Configured.Properties("NotificationEmail")["Endpoint"]!.ToString());
        Assert.All(stacks.Configured.Of("AWS::Logs::LogGroup"), log => Assert.Equal(30, log.Properties["RetentionInDays"]!.GetValue<int>()));
        var rollout = stacks.Configured.Properties("JobTemplate")["JobExecutionsRolloutConfig"]!;
        Assert.Equal(100, rollout["MaximumPerMinute"]!.GetValue<int>());
        Assert.Equal(5, rollout["ExponentialRolloutRate"]!["BaseRatePerMinute"]!.GetValue<int>());
        Assert.Equal(2.5, rollout["ExponentialRolloutRate"]!["IncrementFactor"]!.GetValue<double>());
        Assert.False(stacks.Configured.Properties("Ledger")["DeletionProtectionEnabled"]!.GetValue<bool>());
        Assert.Equal("Delete", stacks.Configured.Section("Resources")["Ledger"]!["DeletionPolicy"]!.ToString());
    }

    [Fact]
    public void A_rotation_job_begins_slowly_stays_under_the_quotas_and_gives_up_when_failures_pile_up()
    {
        var job = stacks.Kept.Properties("JobTemplate");
        var rollout = job["JobExecutionsRolloutConfig"]!;
        // UpdateCertificate and DeleteCertificate: 10 a second each, one of each a rotation; half is for others.
        Assert.True(rollout["MaximumPerMinute"]!.GetValue<int>() <= 10 * 60 / 2);
        Assert.True(rollout["ExponentialRolloutRate"]!["BaseRatePerMinute"]!.GetValue<int>() <= 20);
        var abort = Assert.Single((JsonArray)job["AbortConfig"]!["CriteriaList"]!)!;
        Assert.Equal(("CANCEL", "ALL", 20, 10), (abort["Action"]!.ToString(), abort["FailureType"]!.ToString(), abort["MinNumberOfExecutedThings"]!.GetValue<int>(), abort["ThresholdPercentage"]!.GetValue<int>()));
        Assert.Equal(60, job["TimeoutConfig"]!["InProgressTimeoutInMinutes"]!.GetValue<int>());
    }
}
