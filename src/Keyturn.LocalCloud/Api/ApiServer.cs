using System.Security.Cryptography;
using System.Text;
using Keyturn.LocalCloud.Registry;
using Microsoft.AspNetCore.Http.Features;

namespace Keyturn.LocalCloud.Api;

/// <summary>Takes one HTTP request to the operation it means: who asks, which service, which operation, and the answer's form.</summary>
internal sealed class ApiServer(
    ApiRouter router, SignatureVerifier signatures, IDeviceDirectory devices, CallCounter calls, IRequestGate gate, ILogger<ApiServer> log)
{
    /// <summary>A part of an upload to S3; Lambda takes 6 MB, the others less.</summary>
    public const int MaxBody = 64 * 1024 * 1024;

    private static readonly string[] DeviceServices = ["iotdata", "iot-jobs-data", "greengrass", "credentials"];

    public async Task HandleAsync(HttpContext http)
    {
        var requestId = Guid.NewGuid().ToString();
        var service = ServiceDirectory.Guess(http.Request.Headers["X-Amz-Target"].FirstOrDefault(), http.Request.ContentType);
        WireResponse answer;
        try
        {
            var signed = await ReadAsync(http);
            (service, var operation, var response) = await AnswerAsync(http, signed, service, found => service = found);
            answer = ResponseWriter.Write(service, operation, response, requestId);
        }
        catch (ApiException refused)
        {
            log.Refused(http.Request.Method, http.Request.Path, service.Prefix, refused.Status, refused.Code, refused.Message);
            answer = ResponseWriter.WriteError(service, refused, requestId);
        }
        catch (SignatureException refused)
        {
            var error = InProtocol(service.Protocol, refused);
            log.Refused(http.Request.Method, http.Request.Path, service.Prefix, error.Status, error.Code, error.Message);
            answer = ResponseWriter.WriteError(service, error, requestId);
        }
        catch (BadHttpRequestException malformed)
        {
            answer = ResponseWriter.WriteError(service, new ApiException(malformed.StatusCode, "BadRequestException", malformed.Message), requestId);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.OperationFailed(e, http.Request.Method, http.Request.Path);
            answer = ResponseWriter.WriteError(service, new ApiException(500, "InternalFailureException", "Internal failure"), requestId);
        }

        http.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers)
            http.Response.Headers[name] = value;
        if (answer.ContentType is not null)
            http.Response.ContentType = answer.ContentType;
        if (answer.Status == StatusCodes.Status204NoContent)
            return;
        http.Response.ContentLength = answer.Body.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.Body.WriteAsync(answer.Body, http.RequestAborted);
    }

    private async Task<(ServiceDescription, ApiOperation, ApiResponse)> AnswerAsync(
        HttpContext http, SignedRequest signed, ServiceDescription guess, Action<ServiceDescription> found)
    {
        var cancellation = http.RequestAborted;
        if (!signed.Headers.TryGetValue("authorization", out var authorization))
        {
            if (UnsignedSns(signed) is { } byToken)
                return await WithoutSignatureAsync(byToken, signed, found, cancellation);
            if (await http.Connection.GetClientCertificateAsync(cancellation) is not { } certificate)
                throw new SignatureException(SignatureProblem.Missing, "Missing Authentication Token");
            return await AsDeviceAsync(signed, Convert.ToHexStringLower(SHA256.HashData(certificate.RawData)), found, cancellation);
        }

        if (!SignatureHeader.TryParse(authorization, out var header, out var problem))
            throw new SignatureException(SignatureProblem.Incomplete, problem);
        var service = ServiceDirectory.Find(header.Service, signed.Headers.GetValueOrDefault("x-amz-target"))
            ?? throw new SignatureException(SignatureProblem.Mismatch, $"Credential should be scoped to a service of this endpoint, not '{header.Service}'.");
        found(service);
        var key = signatures.Verify(signed, header, header.Service);
        var query = ParseQuery(signed.RawQuery, service.Protocol == ApiProtocol.Query ? Encoding.UTF8.GetString(signed.Body.Span) : null);
        var (operation, labels) = Find(service, signed, query);
        var body = SignatureVerifier.Body(signed, header, key);
        var request = new ApiRequest(operation, labels, query, signed.Headers, body, new ApiCaller(key.Id, null));
        return (service, operation, await CallAsync(request, key, cancellation));
    }

    private async Task<(ServiceDescription, ApiOperation, ApiResponse)> AsDeviceAsync(
        SignedRequest signed, string certificateId, Action<ServiceDescription> found, CancellationToken cancellation)
    {
        found(ServiceDirectory.Find(DeviceServices[0])!);
        if (devices.FindCertificate(certificateId) is not { IsActive: true })
            throw new ApiException(403, "ForbiddenException", "The certificate is not registered, or not ACTIVE.");
        foreach (var service in DeviceServices.Select(s => ServiceDirectory.Find(s)!))
        {
            if (router.FindPath(service.Prefix, signed.Method, signed.RawPath) is not var (operation, labels))
                continue;
            found(service);
            var request = new ApiRequest(
                operation, labels, ParseQuery(signed.RawQuery, null), signed.Headers, signed.Body, new ApiCaller(null, certificateId));
            return (service, operation, await CallAsync(request, null, cancellation));
        }

        throw new ApiException(404, "ResourceNotFoundException", "No operation for devices at this path.");
    }

    /// <summary>The links in SNS's messages work for whoever holds them.</summary>
    private static string? UnsignedSns(SignedRequest signed) =>
        signed.Method == "GET" && signed.RawPath == "/" && ParseQuery(signed.RawQuery, null)["Action"].FirstOrDefault() is { } action
        && action is "ConfirmSubscription" or "Unsubscribe"
            ? action
            : null;

    private async Task<(ServiceDescription, ApiOperation, ApiResponse)> WithoutSignatureAsync(
        string action, SignedRequest signed, Action<ServiceDescription> found, CancellationToken cancellation)
    {
        var service = ServiceDirectory.Find("sns")!;
        found(service);
        var operation = router.FindNamed("sns", action)!;
        var request = new ApiRequest(
            operation, new Dictionary<string, string>(), ParseQuery(signed.RawQuery, null), signed.Headers, signed.Body, new ApiCaller(null, null));
        return (service, operation, await CallAsync(request, null, cancellation));
    }

    private async ValueTask<ApiResponse> CallAsync(ApiRequest request, AccessKey? key, CancellationToken cancellation)
    {
        calls.Count(request.Operation);
        gate.Admit(request, key);
        var response = await request.Operation.Handler(request, cancellation);
        gate.Done(request, key);
        log.Called(request.Operation.Service, request.Operation.Name, response.Status, key?.RoleName ?? key?.Id ?? request.Caller.CertificateId ?? "");
        return response;
    }

    private (ApiOperation, IReadOnlyDictionary<string, string>) Find(
        ServiceDescription service, SignedRequest signed, ILookup<string, string> query)
    {
        var none = new Dictionary<string, string>();
        switch (service.Protocol)
        {
            case ApiProtocol.Query:
                var action = query["Action"].FirstOrDefault() ?? throw new ApiException(400, "MissingAction", "The request is missing an action.");
                return (router.FindNamed(service.Prefix, action)
                    ?? throw new ApiException(400, "InvalidAction", $"Could not find operation {action}"), none);
            case ApiProtocol.AwsJson:
                var target = signed.Headers.GetValueOrDefault("x-amz-target", "");
                var dot = target.IndexOf('.', StringComparison.Ordinal);
                var operation = dot > 0 && target[..dot] == service.TargetPrefix && signed.Method == "POST"
                    ? router.FindNamed(service.Prefix, target[(dot + 1)..])
                    : null;
                return (operation ?? throw new ApiException(400, "UnknownOperationException", ""), none);
            default:
                return router.FindPath(service.Prefix, signed.Method, signed.RawPath)
                    ?? throw new ApiException(404, "UnknownOperationException", $"No operation of {service.Prefix} at {signed.Method} {signed.RawPath}");
        }
    }

    private static async Task<SignedRequest> ReadAsync(HttpContext http)
    {
        var target = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        if (!target.StartsWith('/'))
            target = Uri.TryCreate(target, UriKind.Absolute, out var absolute) ? absolute.PathAndQuery : "/" + target;
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[question..]);
        var headers = http.Request.Headers.ToDictionary(
            h => h.Key.ToLowerInvariant(), h => string.Join(',', h.Value.Select(v => v?.Trim())), StringComparer.Ordinal);
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        return new SignedRequest(http.Request.Method, path, query, headers, body.ToArray());
    }

    private static ILookup<string, string> ParseQuery(string rawQuery, string? form)
    {
        return Pairs(rawQuery.TrimStart('?'), plusIsSpace: false).Concat(Pairs(form ?? "", plusIsSpace: true))
            .ToLookup(p => p.Name, p => p.Value, StringComparer.Ordinal);

        static IEnumerable<(string Name, string Value)> Pairs(string text, bool plusIsSpace)
        {
            foreach (var pair in text.Split('&', StringSplitOptions.RemoveEmptyEntries))
            {
                var shown = plusIsSpace ? pair.Replace('+', ' ') : pair;
                var equals = shown.IndexOf('=', StringComparison.Ordinal);
                yield return equals < 0
                    ? (Uri.UnescapeDataString(shown), "")
                    : (Uri.UnescapeDataString(shown[..equals]), Uri.UnescapeDataString(shown[(equals + 1)..]));
            }
        }
    }

    private static ApiException InProtocol(ApiProtocol protocol, SignatureException refused)
    {
        var suffix = protocol == ApiProtocol.Query ? "" : "Exception";
        var code = (refused.Problem, protocol) switch
        {
            (SignatureProblem.Missing, ApiProtocol.RestXml) => "AccessDenied",
            (SignatureProblem.Incomplete, ApiProtocol.RestXml) => "AuthorizationHeaderMalformed",
            (SignatureProblem.UnknownKey, ApiProtocol.RestXml) => "InvalidAccessKeyId",
            (SignatureProblem.BadToken, ApiProtocol.RestXml) => "InvalidToken",
            (_, ApiProtocol.RestXml) => "SignatureDoesNotMatch",
            (SignatureProblem.Missing, _) => "MissingAuthenticationToken" + suffix,
            (SignatureProblem.Incomplete, _) => "IncompleteSignature" + suffix,
            (SignatureProblem.UnknownKey or SignatureProblem.BadToken, ApiProtocol.Query) => "InvalidClientTokenId",
            (SignatureProblem.UnknownKey or SignatureProblem.BadToken, _) => "UnrecognizedClientException",
            (_, ApiProtocol.Query) => "SignatureDoesNotMatch",
            _ => "InvalidSignatureException",
        };
        var status = protocol == ApiProtocol.AwsJson || refused.Problem == SignatureProblem.Incomplete ? 400 : 403;
        return new ApiException(status, code, refused.Message);
    }
}

/// <summary>Stands before every operation: permissions, quotas, faults. Throws <see cref="ApiException"/> to refuse.</summary>
internal interface IRequestGate
{
    void Admit(ApiRequest request, AccessKey? key);

    /// <summary>The call had its effect, and its answer has not been sent yet.</summary>
    void Done(ApiRequest request, AccessKey? key)
    {
    }
}
