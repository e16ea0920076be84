using System.Collections.Immutable;
using Keyturn.LocalCloud.Iam;

namespace Keyturn.LocalCloud.Lambda;

/// <summary>Configuration of a function. Replaced as a whole when it is updated.</summary>
internal sealed record LambdaFunction(string Name, string Runtime, string Handler, Role Role)
{
    public string Arn => CloudAccount.Local.Arn("lambda", $"function:{Name}");

    public string? Description { get; init; }

    public int TimeoutSeconds { get; init; } = 3;

    public int MemoryMegabytes { get; init; } = 128;

    public ImmutableSortedDictionary<string, string> Environment { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    public string Architecture { get; init; } = "x86_64";

    public string? DeadLetterArn { get; init; }

    public string? KmsKeyArn { get; init; }

    public string TracingMode { get; init; } = "PassThrough";

    public required DateTimeOffset LastModified { get; init; }

    public string RevisionId { get; init; } = Guid.NewGuid().ToString();

    /// <summary>How many run at a time; null leaves it to the cloud.</summary>
    public int? ReservedConcurrency { get; init; }

    /// <summary>Of asynchronous invocations.</summary>
    public int MaxRetries { get; init; } = 2;

    public TimeSpan MaxEventAge { get; init; } = TimeSpan.FromHours(6);

    public string? OnFailureArn { get; init; }

    public string? OnSuccessArn { get; init; }

    /// <summary>Where its output goes; null is the group that Lambda makes by itself.</summary>
    public string? LogGroup { get; init; }

    /// <summary>Resource policy: who may invoke it.</summary>
    public ImmutableArray<InvokePermission> Permissions { get; init; } = [];
}

/// <param name="Principal">A service (<c>iot.amazonaws.com</c>) or an account.</param>
/// <param name="SourceArn">Which resource of that service; null is any.</param>
internal sealed record InvokePermission(string Action, string Principal, string? SourceArn, string? SourceAccount)
{
    public bool Allows(string principal, string sourceArn) =>
        Action is "lambda:InvokeFunction" or "lambda:*" && Principal == principal
        && (SourceArn is null || Wildcard.Matches(SourceArn, sourceArn, ignoreCase: false))
        && (SourceAccount is null || SourceAccount == CloudAccount.Local.Id);
}

/// <param name="FunctionError">Null when the function answered; <c>Unhandled</c> when it failed.</param>
/// <param name="Payload">The answer, or the error as JSON.</param>
internal sealed record InvocationResult(string? FunctionError, ReadOnlyMemory<byte> Payload);
