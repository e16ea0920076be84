using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Shadows;

/// <summary>A refusal: over MQTT its number and text, over HTTP the exception of the same number.</summary>
internal sealed class ShadowException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;

    public static ShadowException BadRequest(string message) => new(400, message);

    public static ShadowException NotFound(string thing, string? name) =>
        new(404, $"No shadow exists with name: '{(name is null ? thing : $"{thing}~{name}")}'");

    public static ShadowException TooMany() => new(429, "The request rate for this shadow, or for the account, is exceeded.");

    public static ShadowException Failed() => new(500, "Internal service failure");

    public ApiException ToApi() => new(Code, Code switch
    {
        404 => "ResourceNotFoundException",
        409 => "ConflictException",
        429 => "ThrottlingException",
        500 => "InternalFailureException",
        413 => "RequestEntityTooLargeException",
        _ => "InvalidRequestException",
    }, Message);
}
