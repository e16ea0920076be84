using Keyturn.LocalCloud.Faults;
using Keyturn.LocalCloud.Quotas;

namespace Keyturn.LocalCloud.Api;

/// <summary>What becomes of a call before it is made.</summary>
internal enum CallVerdict
{
    Admitted,
    Throttled,
    Failed,
}

/// <param name="call"><c>service:Operation</c>.</param>
/// <param name="shadowOf">The thing, when the call is about its shadow.</param>
internal delegate CallVerdict CallAdmission(string call, string? shadowOf = null);

/// <summary>Permissions first, then quotas, then faults; HTTP and MQTT requests count together.</summary>
internal sealed class CallGate(IRequestGate permissions, CallQuotas quotas, FaultBook faults, Action<string> killFunction) : IRequestGate
{
    public void Admit(ApiRequest request, AccessKey? key)
    {
        permissions.Admit(request, key);
        var service = request.Operation.Service;
        switch (Judge($"{service}:{request.Operation.Name}", ShadowOf(request)))
        {
            case CallVerdict.Throttled:
                throw Throttled(service);
            case CallVerdict.Failed:
                throw Failed(service);
        }
    }

    /// <summary>For requests over MQTT, which are answered in a form of their own.</summary>
    public CallVerdict Judge(string call, string? shadowOf = null) =>
        quotas.TryTake(call, shadowOf) ? faults.Judge(call) : CallVerdict.Throttled;

    public void Done(ApiRequest request, AccessKey? key)
    {
        // Of a role only functions have keys; the session is named after the function.
        if (key?.SessionName is { } function && faults.Kills(function, $"{request.Operation.Service}:{request.Operation.Name}"))
            killFunction(key.Id);
    }

    private static string? ShadowOf(ApiRequest request) =>
        request.Operation.Service == "iot-data" && request.Operation.Name.EndsWith("ThingShadow", StringComparison.Ordinal)
            ? request.Labels.GetValueOrDefault("thingName")
            : null;

    private static ApiException Throttled(string service) => service switch
    {
        "iot-data" or "iot-jobs-data" => new(429, "ThrottlingException", "Rate exceeded"),
        "lambda" => new(429, "TooManyRequestsException", "Rate Exceeded.", new() { ["Reason"] = "CallerRateLimitExceeded" }),
        "sns" or "sts" => new(400, "Throttling", "Rate exceeded"),
        _ => new(400, "ThrottlingException", "Rate exceeded"),
    };

    private static ApiException Failed(string service) => service switch
    {
        "lambda" => new(500, "ServiceException", "Internal error (a fault was asked for)."),
        "dynamodb" => new(500, "InternalServerError", "Internal error (a fault was asked for)."),
        "sns" => new(500, "InternalError", "Internal error (a fault was asked for)."),
        "sts" or "acm-pca" => new(500, "InternalFailure", "Internal error (a fault was asked for)."),
        "iot-jobs-data" => new(503, "ServiceUnavailableException", "Internal error (a fault was asked for)."),
        _ => new(500, "InternalFailureException", "Internal error (a fault was asked for)."),
    };
}
