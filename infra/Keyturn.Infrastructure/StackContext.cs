using System.Text.RegularExpressions;

namespace Keyturn.Infrastructure;

/// <summary>What the context says about the stack, checked. See docs/deploying.md for the table of keys.</summary>
internal sealed partial record StackContext
{
    public static readonly string[] SigningAlgorithms =
        ["SHA256WITHECDSA", "SHA384WITHECDSA", "SHA512WITHECDSA", "SHA256WITHRSA", "SHA384WITHRSA", "SHA512WITHRSA"];

    public static readonly string[] KeyAlgorithms = ["RSA-2048", "RSA-3072", "ECDSA-P256", "ECDSA-P384", "ECDSA-P521"];

    /// <summary>What CloudWatch Logs offers.</summary>
    public static readonly int[] Retentions =
        [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

    /// <summary>The zip of the functions, for the CDK to upload. Null: the template has parameters that name bucket and key.</summary>
    public string? FunctionPackage { get; private init; }

    /// <summary>Null: AWS IoT issues, or the template's parameter says who.</summary>
    public string? PcaCaId { get; private init; }

    public string PcaTemplateArn { get; private init; } = "";

    public int PcaValidityInDays { get; private init; }

    public string PcaSigningAlgorithm { get; private init; } = "";

    /// <summary>Empty: all.</summary>
    public string AllowedKeyAlgorithms { get; private init; } = "";

    public string AlarmEmail { get; private init; } = "";

    public int LogRetentionDays { get; private init; }

    public int TrailRetentionDays { get; private init; }

    public int SilentAfterHours { get; private init; }

    public int GraceHours { get; private init; }

    public int RolloutPerMinute { get; private init; }

    public int RolloutBasePerMinute { get; private init; }

    public double RolloutFactor { get; private init; }

    public bool DeletionProtection { get; private init; }

    public static StackContext Read(ContextReader context)
    {
        var stack = new StackContext
        {
            FunctionPackage = context.Has("functionPackage") ? context.Text("functionPackage") : null,
            PcaCaId = context.Has("PcaCaId") ? context.Text("PcaCaId") : null,
            PcaTemplateArn = context.Text("pcaTemplateArn"),
            PcaValidityInDays = context.Number("PcaValidityInDays", 7, 1, 36_500),
            PcaSigningAlgorithm = context.OneOf("PcaSigningAlgorithm", "SHA256WITHRSA", SigningAlgorithms),
            AllowedKeyAlgorithms = KeyList(context.Text("allowedKeyAlgorithms")),
            AlarmEmail = context.Text("alarmEmail"),
            LogRetentionDays = int.Parse(context.OneOf("logRetentionDays", "90", [.. Retentions.Select(r => $"{r}")]), null),
            TrailRetentionDays = context.Number("trailRetentionDays", 0, 0, 36_500),
            SilentAfterHours = context.Number("silentAfterHours", 72, 25, 24 * 365),
            GraceHours = context.Number("graceHours", 0, 0, 24 * 90),
            RolloutPerMinute = context.Number("rolloutPerMinute", 300, 1, 1000),
            RolloutBasePerMinute = context.Number("rolloutBasePerMinute", 20, 1, 1000),
            RolloutFactor = context.Factor("rolloutFactor", 1.5, 1.1, 5),
            DeletionProtection = context.Flag("deletionProtection", true),
        };
        stack.Check(context);
        return stack;
    }

    private void Check(ContextReader context)
    {
        if (PcaCaId is not null && !CaId().IsMatch(PcaCaId))
        {
            throw new ContextException(
                $"The context key PcaCaId is '{PcaCaId}'; it takes the last part of the authority's ARN, such as 11111111-2222-3333-4444-555555555555.");
        }

        foreach (var key in (string[])["PcaValidityInDays", "PcaSigningAlgorithm", "pcaTemplateArn"])
        {
            if (FunctionPackage is not null && PcaCaId is null && context.Has(key))
            {
                throw new ContextException($"The context key {key} is set, but PcaCaId is not, so that AWS IoT would issue and {key} have no effect; set PcaCaId as well, or leave {key} out.");
            }
        }

        if (PcaTemplateArn.Length > 0 && !TemplateArn().IsMatch(PcaTemplateArn))
        {
            throw new ContextException($"The context key pcaTemplateArn is '{PcaTemplateArn}'; it takes an ARN such as arn:aws:acm-pca:::template/EndEntityCertificate/V1.");
        }

        if (AlarmEmail.Length > 0 && !Email().IsMatch(AlarmEmail))
        {
            throw new ContextException($"The context key alarmEmail is '{AlarmEmail}'; it takes an e-mail address.");
        }

        if (RolloutBasePerMinute > RolloutPerMinute)
        {
            throw new ContextException(
                $"The context key rolloutBasePerMinute is {RolloutBasePerMinute}, more than rolloutPerMinute, {RolloutPerMinute}; a rollout can't begin faster than it may become.");
        }

        if (FunctionPackage is not null && !File.Exists(FunctionPackage))
        {
            throw new ContextException($"The context key functionPackage names '{FunctionPackage}', which is not there; run script/package first.");
        }
    }

    private static string KeyList(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        var unknown = names.FirstOrDefault(n => !KeyAlgorithms.Contains(n));
        return unknown is null
            ? string.Join(',', names)
            : throw new ContextException($"The context key allowedKeyAlgorithms names '{unknown}'; it takes {string.Join(", ", KeyAlgorithms)}, separated by commas.");
    }

    [GeneratedRegex(@"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z")]
    private static partial Regex CaId();

    [GeneratedRegex(@"\Aarn:aws[a-z-]*:acm-pca:::template/[A-Za-z0-9_/]+\z")]
    private static partial Regex TemplateArn();

    [GeneratedRegex(@"\A[^@\s,]+@[^@\s,]+\.[^@\s,]+\z")]
    private static partial Regex Email();
}
