namespace Keyturn.Infrastructure.Tests;

/// <summary>What no stack can be made of is an error that names the key, before anything is written.</summary>
public sealed class StackContextTests
{
    [Theory]
    [InlineData("PcaCaId", "arn:aws:acm-pca:us-east-1:012345678901:certificate-authority/11111111-2222-3333-4444-555555555555")]
    [InlineData("PcaCaId", "11111111-2222-3333-4444")]
    [InlineData("PcaSigningAlgorithm", "SHA1WITHRSA")]
    [InlineData("PcaSigningAlgorithm", "sha256withrsa")]
    [InlineData("PcaValidityInDays", "0")]
    [InlineData("PcaValidityInDays", "7 days")]
    [InlineData("pcaTemplateArn", "EndEntityCertificate/V1")]
    [InlineData("allowedKeyAlgorithms", "RSA-1024")]
    [InlineData("alarmEmail", "operators")]
    [InlineData("logRetentionDays", "91")]
    [InlineData("trailRetentionDays", "-1")]
    [InlineData("silentAfterHours", "24")]
    [InlineData("graceHours", "1.5")]
    [InlineData("rolloutPerMinute", "1001")]
    [InlineData("rolloutBasePerMinute", "301")]
    [InlineData("rolloutFactor", "1")]
    [InlineData("rolloutFactor", "1,5")]
    [InlineData("deletionProtection", "yes")]
    [InlineData("functionPackage", "/nowhere/functions.zip")]
    public void A_wrong_value_is_refused_and_its_key_named(string key, string value)
    {
        var error = Assert.Throws<ContextException>(() => Read(new() { [key] = value }));
        Assert.Contains($"The context key {key} ", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PcaValidityInDays", "30")]
    [InlineData("PcaSigningAlgorithm", "SHA256WITHRSA")]
    public void Settings_of_a_private_authority_without_one_contradict_each_other(string key, string value)
    {
        var package = Path.GetTempFileName();
        try
        {
            var error = Assert.Throws<ContextException>(() => Read(new() { ["functionPackage"] = package, [key] = value }));
            Assert.Contains($"The context key {key} is set, but PcaCaId is not", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(package);
        }
    }

    [Fact]
    public void Values_of_the_command_line_and_of_cdk_json_mean_the_same()
    {
        var text = Read(new() { ["rolloutPerMinute"] = "100", ["deletionProtection"] = "false", ["rolloutFactor"] = "2" });
        var typed = Read(new() { ["rolloutPerMinute"] = 100.0, ["deletionProtection"] = false, ["rolloutFactor"] = 2.0 });
        Assert.Equal(text, typed);
    }

    [Fact]
    public void A_pipeline_is_described_wholly_or_not_at_all()
    {
        Dictionary<string, object> context = new() { ["ConnectionId"] = "11111111-2222-3333-4444-555555555555", ["OwnerName"] = "o", ["RepositoryName"] = "r", ["BranchName"] = "b" };
        Assert.Null(PipelineContext.Read(new ContextReader(_ => null)));
        var error = Assert.Throws<ContextException>(() => PipelineContext.Read(new ContextReader(context.GetValueOrDefault)));
        Assert.Contains("ThingGroupName is not set", error.Message, StringComparison.Ordinal);
        context["ThingGroupName"] = "g; rm -rf /";
        error = Assert.Throws<ContextException>(() => PipelineContext.Read(new ContextReader(context.GetValueOrDefault)));
        Assert.Contains("ThingGroupName is 'g; rm -rf /'", error.Message, StringComparison.Ordinal);
    }

    private static StackContext Read(Dictionary<string, object> context) => StackContext.Read(new ContextReader(context.GetValueOrDefault));
}
