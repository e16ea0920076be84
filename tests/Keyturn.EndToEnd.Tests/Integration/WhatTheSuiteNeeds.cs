namespace Keyturn.EndToEnd.Tests.Integration;

/// <summary>Against an account, the suite looks first whether it can do its work, and makes no job if it can't.</summary>
public sealed class WhatTheSuiteNeeds
{
    private static readonly string Script = Path.Combine(Tools.Root, "script/integration");

    [Fact]
    public async Task Is_looked_at_before_anything_is_changed()
    {
        await using var fleet = await LocalFleet.StartAsync();
        await fleet.Aws.JsonAsync("iot", "create-thing-group", "--thing-group-name", "empty");
        await fleet.ProvisionAsync("gateway-01");

        await RefusedAsync("test", ["--thing-group", "nowhere"], "'nowhere' can't be read");
        await RefusedAsync("test", ["--thing-group", "empty"], "'empty' is empty");
        await RefusedAsync("wrong", ["--thing-group", "e2e"], "takes no call with these credentials");
        await RefusedAsync("test", ["--thing-group", "e2e", "--pca", "11111111-2222-3333-4444-555555555555"], "not by the authority 11111111-2222-3333-4444-555555555555");

        var jobs = await fleet.Aws.JsonAsync("iot", "list-jobs");
        Assert.Equal(0, jobs.GetProperty("jobs").GetArrayLength());

        async Task RefusedAsync(string secret, string[] options, string named)
        {
            var result = await Shell.RunAsync(
                Script, ["--target", "aws", "--endpoint-url", fleet.Cloud.Api.ToString(), .. options],
                new Dictionary<string, string> { ["AWS_ACCESS_KEY_ID"] = "test", ["AWS_SECRET_ACCESS_KEY"] = secret, ["AWS_DEFAULT_REGION"] = "us-east-1" },
                TimeSpan.FromMinutes(2));
            Assert.Equal(1, result.ExitCode);
            var message = Assert.Single(result.ErrorLines);
            Assert.Contains(named, message, StringComparison.Ordinal);
            Assert.Contains("nothing was changed", message, StringComparison.Ordinal);
        }
    }
}
