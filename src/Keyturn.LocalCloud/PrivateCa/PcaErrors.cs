using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>Refusals of AWS Private CA.</summary>
internal static class PcaErrors
{
    public static ApiException InvalidArgs(string message) => new(400, "InvalidArgsException", message);

    public static ApiException InvalidArn(string arn) => new(400, "InvalidArnException", $"The arn {arn} is invalid.");

    public static ApiException InvalidState(string message) => new(400, "InvalidStateException", message);

    public static ApiException NotFound(string arn) => new(400, "ResourceNotFoundException", $"Could not find {arn}.");

    public static ApiException InProgress(string message) => new(400, "RequestInProgressException", message);

    public static ApiException MalformedCsr(string problem) => new(400, "MalformedCSRException", $"The certificate signing request is invalid: {problem}.");
}
