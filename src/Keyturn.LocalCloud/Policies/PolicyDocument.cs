using System.Runtime.CompilerServices;

namespace Keyturn.LocalCloud.Policies;

/// <summary>An AWS IoT policy, checked and compiled.</summary>
internal sealed class PolicyDocument(IReadOnlyList<PolicyStatement> statements)
{
    private static readonly ConditionalWeakTable<string, PolicyDocument> Parsed = [];

    public IReadOnlyList<PolicyStatement> Statements { get; } = statements;

    /// <exception cref="PolicyFormatException">The text is not a policy that AWS IoT would store.</exception>
    public static PolicyDocument Parse(string text) => PolicyReader.Read(text);

    /// <summary>For a text that was accepted before: the registry hands out the same string again and again.</summary>
    public static PolicyDocument Of(string text) => Parsed.GetValue(text, PolicyReader.Read);
}

/// <summary>The document is malformed; the message says where.</summary>
internal sealed class PolicyFormatException(string message) : Exception(message);

internal enum PolicyEffect
{
    Allow,
    Deny,
}

/// <param name="ExceptActions">NotAction: every action but these.</param>
/// <param name="ExceptResources">NotResource: every resource but these.</param>
internal sealed record PolicyStatement(
    PolicyEffect Effect,
    IReadOnlyList<PolicyPattern> Actions, bool ExceptActions,
    IReadOnlyList<PolicyPattern> Resources, bool ExceptResources,
    IReadOnlyList<PolicyCondition> Conditions)
{
    public bool AppliesTo(string action, string resource, PolicyContext context) =>
        Actions.Any(a => a.Matches(action, context, ignoreCase: true)) != ExceptActions
        && Resources.Any(r => r.Matches(resource, context)) != ExceptResources
        && Conditions.All(c => c.Holds(context));
}
