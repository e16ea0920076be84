using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Rules;

/// <summary>What a rule does with its result.</summary>
internal abstract record RuleAction
{
    /// <summary>As the message to an error action calls it.</summary>
    public abstract string Name { get; }

    /// <summary>The parameter that names what the action acts on.</summary>
    public abstract SubstitutionTemplate Resource { get; }

    /// <exception cref="ApiException">The action is malformed, or of a kind that is not offered here.</exception>
    public static RuleAction Read(JsonNode? node)
    {
        if (node is not JsonObject action || action.Count(m => m.Value is not null) != 1)
            throw RequestMembers.Invalid("An action must have exactly one type.");
        var (type, value) = action.First(m => m.Value is not null);
        if (value is not JsonObject parameters)
            throw RequestMembers.Invalid($"The parameters of the action {type} are not a structure.");
        return type switch
        {
            "lambda" => new LambdaAction(Template(parameters, "functionArn")),
            "sns" => new SnsAction(Template(parameters, "targetArn"), Required(parameters, "roleArn"), Format(parameters)),
            "republish" => new RepublishAction(Template(parameters, "topic"), Required(parameters, "roleArn"), QualityOfService(parameters)),
            "cloudwatchLogs" => new CloudwatchLogsAction(Template(parameters, "logGroupName"), Required(parameters, "roleArn")),
            _ => throw RequestMembers.Invalid($"The action {type} is not offered by this local cloud; it has cloudwatchLogs, lambda, republish and sns."),
        };
    }

    private static string Required(JsonObject parameters, string name) =>
        parameters.Text("iot", name) is { Length: > 0 } value ? value : throw RequestMembers.Missing(name);

    private static SubstitutionTemplate Template(JsonObject parameters, string name) => SubstitutionTemplate.Parse(Required(parameters, name));

    private static string Format(JsonObject parameters) =>
        parameters.Text("iot", "messageFormat", new MemberRule(values: ["RAW", "JSON"])) ?? "RAW";

    private static int QualityOfService(JsonObject parameters) => parameters.Number("iot", "qos") switch
    {
        null or 0 => 0,
        1 => 1,
        var other => throw RequestMembers.Invalid($"Value '{other}' at 'qos' failed to satisfy constraint: Member must have value between 0 and 1"),
    };
}

internal sealed record LambdaAction(SubstitutionTemplate Function) : RuleAction
{
    public override string Name => "LambdaAction";

    public override SubstitutionTemplate Resource => Function;
}

internal sealed record SnsAction(SubstitutionTemplate Target, string RoleArn, string MessageFormat) : RuleAction
{
    public override string Name => "SnsAction";

    public override SubstitutionTemplate Resource => Target;
}

internal sealed record RepublishAction(SubstitutionTemplate Topic, string RoleArn, int QualityOfService) : RuleAction
{
    public override string Name => "RepublishAction";

    public override SubstitutionTemplate Resource => Topic;
}

internal sealed record CloudwatchLogsAction(SubstitutionTemplate LogGroup, string RoleArn) : RuleAction
{
    public override string Name => "CloudwatchLogsAction";

    public override SubstitutionTemplate Resource => LogGroup;
}
