using Amazon.CDK;
using Amazon.CDK.AWS.IoT;

namespace Keyturn.Infrastructure;

/// <summary>
/// The default of a rotation job: begins slowly, becomes faster with those that succeeded, and stays under 300 a minute, half of what the account's
/// UpdateCertificate and DeleteCertificate take (10 a second each). One job template, one default; a job may set its own.
/// </summary>
internal static class JobTemplates
{
    public static CfnJobTemplate Create(Stack stack, Settings settings, StackContext context) => new(stack, "JobTemplate", new CfnJobTemplateProps
    {
        JobTemplateId = RotatorApp.StackName,
        Description = "Template for creating device certificate rotation jobs",
        Document = settings.JobDocument,
        JobExecutionsRolloutConfig = new Dictionary<string, object>
        {
            ["MaximumPerMinute"] = context.RolloutPerMinute,
            ["ExponentialRolloutRate"] = new Dictionary<string, object>
            {
                ["BaseRatePerMinute"] = context.RolloutBasePerMinute,
                ["IncrementFactor"] = context.RolloutFactor,
                ["RateIncreaseCriteria"] = new Dictionary<string, object> { ["NumberOfSucceededThings"] = context.RolloutBasePerMinute },
            },
        },
        AbortConfig = new Dictionary<string, object>
        {
            ["CriteriaList"] = new[]
            {
                new Dictionary<string, object>
                {
                    ["Action"] = "CANCEL", ["FailureType"] = "ALL", ["MinNumberOfExecutedThings"] = 20, ["ThresholdPercentage"] = 10,
                },
            },
        },
        // The typed property would be written in the API's spelling, which CloudFormation does not take.
        TimeoutConfig = new Dictionary<string, object> { ["InProgressTimeoutInMinutes"] = 60 },
    });
}
