using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>Refusals of SQS. Its two protocols have different names for some of them.</summary>
internal static class SqsErrors
{
    private static readonly Dictionary<string, string> QueryCodes = new(StringComparer.Ordinal)
    {
        ["QueueDoesNotExist"] = "AWS.SimpleQueueService.NonExistentQueue",
        ["QueueNameExists"] = "QueueAlreadyExists",
        ["PurgeQueueInProgress"] = "AWS.SimpleQueueService.PurgeQueueInProgress",
        ["MessageNotInflight"] = "AWS.SimpleQueueService.MessageNotInflight",
        ["UnsupportedOperation"] = "AWS.SimpleQueueService.UnsupportedOperation",
    };

    /// <summary>As the query protocol, and the header that SDKs read beside JSON, has it.</summary>
    public static string QueryCode(string code) => QueryCodes.GetValueOrDefault(code, code);

    public static ApiException NoQueue() => new(400, "QueueDoesNotExist", "The specified queue does not exist.");

    public static ApiException Missing(string name) => new(400, "MissingParameter", $"The request must contain the parameter {name}.");

    public static ApiException Invalid(string message) => new(400, "InvalidParameterValue", message);

    public static ApiException Unsupported(string message) => new(400, "UnsupportedOperation", message);
}
