using Amazon.CDK;

namespace Keyturn.Infrastructure;

/// <summary>
/// The settings of the stack as its resources see them. Where the CDK deploys, they are the values of the context; in the template that is kept for
/// CloudFormation alone they are parameters, which have the context's values as defaults. Not parameters in both: the CDK keeps a parameter's old
/// value through an update, so that a changed context would have no effect.
/// </summary>
internal sealed class Settings
{
    private readonly Stack _stack;
    private readonly bool _asParameters;

    public Settings(Stack stack, StackContext context)
    {
        (_stack, _asParameters) = (stack, context.FunctionPackage is null);
        PcaCaArn = context.PcaCaId is { } id
            ? Fn.Sub($"arn:${{AWS::Partition}}:acm-pca:${{AWS::Region}}:${{AWS::AccountId}}:certificate-authority/{id}")
            : Setting("PcaCaArn", "", "ARN of the AWS Private CA that issues; empty: AWS IoT issues");
        PcaTemplateArn = Setting("PcaTemplateArn", context.PcaTemplateArn, "ARN of the AWS Private CA template; empty: the authority's default, EndEntityCertificate/V1");
        PcaValidityInDays = Setting("PcaValidityInDays", $"{context.PcaValidityInDays}", "Validity of certificates that AWS Private CA issues", pattern: "^([1-9][0-9]{0,3}|[12][0-9]{4}|3[0-5][0-9]{3}|36[0-4][0-9]{2}|36500)$");
        PcaSigningAlgorithm = Setting("PcaSigningAlgorithm", context.PcaSigningAlgorithm, "How AWS Private CA signs", StackContext.SigningAlgorithms);
        JobDocument = Setting("JobDocument", """{"operation":"ROTATE_CERTIFICATE"}""", "The document that makes a job a rotation");
        AllowedKeyAlgorithms = Setting("AllowedKeyAlgorithms", context.AllowedKeyAlgorithms, "Kinds of key that may be certified, separated by commas, such as ECDSA-P256; empty: all");
        AlarmEmail = Setting("AlarmEmail", context.AlarmEmail, "E-mail address that hears of rotations that failed and of alarms; empty: nobody is subscribed");
        SilentAfterHours = Setting("SilentAfterHours", context.SilentAfterHours, "After so many hours without a word of a device the operators are told", 24 * 365, least: 25);
        RetirementGraceHours = Setting("RetirementGraceHours", context.GraceHours, "How long a retired certificate is kept INACTIVE before it is deleted", 24 * 90);
        TrailRetentionDays = Setting("TrailRetentionDays", context.TrailRetentionDays, "After so many days the records of rotations that are over expire; 0: never", 36_500);
        LogRetentionDays = _asParameters
            ? new CfnParameter(stack, "LogRetentionInDays", new CfnParameterProps
            {
                Type = "Number",
                Default = context.LogRetentionDays,
                AllowedValues = [.. StackContext.Retentions.Select(r => $"{r}")],
                Description = "How long logs are kept",
            }).ValueAsNumber
            : context.LogRetentionDays;
    }

    public string PcaCaArn { get; }

    public string PcaTemplateArn { get; }

    public string PcaValidityInDays { get; }

    public string PcaSigningAlgorithm { get; }

    public string JobDocument { get; }

    public string AllowedKeyAlgorithms { get; }

    public string AlarmEmail { get; }

    public string SilentAfterHours { get; }

    public string RetirementGraceHours { get; }

    public string TrailRetentionDays { get; }

    public double LogRetentionDays { get; }

    private string Setting(string name, string value, string description, string[]? choices = null, string? pattern = null) => _asParameters
        ? new CfnParameter(_stack, name, new CfnParameterProps
        {
            Type = "String", Default = value, Description = description, AllowedValues = choices, AllowedPattern = pattern,
        }).ValueAsString
        : value;

    /// <summary>Within the same limits as the functions take it: out of them, none would start.</summary>
    private string Setting(string name, int value, string description, int most, int least = 0) => _asParameters
        ? new CfnParameter(_stack, name, new CfnParameterProps
        {
            Type = "Number", Default = value, Description = description, MinValue = least, MaxValue = most,
        }).ValueAsString
        : $"{value}";
}
