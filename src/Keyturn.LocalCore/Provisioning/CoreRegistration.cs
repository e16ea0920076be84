using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCore.Tokens;

namespace Keyturn.LocalCore.Provisioning;

/// <summary>The core device can't be registered; the message says what was left as it was.</summary>
internal sealed class ProvisioningException(string message) : Exception(message);

/// <summary>What a registered core device needs to know.</summary>
/// <param name="PrivateKeyPem">Nothing when the key is in a token.</param>
internal sealed record CoreIdentity(
    string Thing, string Region, string CertificatePem, string? PrivateKeyPem, string RootCaPem,
    string DataEndpoint, string CredentialEndpoint, string DataPlaneEndpoint);

/// <summary>Registers a core device through the AWS APIs. The private key is made here, or in the token, and never leaves.</summary>
internal sealed class CoreRegistration(AwsApi api, string region, TokenInstallation? token = null)
{
    private const int KeyBits = 2048;

    /// <exception cref="ProvisioningException">The thing exists.</exception>
    /// <exception cref="AwsApiException">A call was refused.</exception>
    public async Task<CoreIdentity> RegisterAsync(string thing, string? group, CancellationToken cancellation)
    {
        // All that only reads comes first, so that what can't work changes nothing.
        var rootCa = await api.GetTextAsync("root-ca.pem", cancellation).ConfigureAwait(false);
        var data = await EndpointAsync("iot:Data-ATS", cancellation).ConfigureAwait(false);
        var jobs = await EndpointAsync("iot:Jobs", cancellation).ConfigureAwait(false);
        var credentials = await EndpointAsync("iot:CredentialProvider", cancellation).ConfigureAwait(false);
        if (await ThingExistsAsync(thing, cancellation).ConfigureAwait(false))
            throw new ProvisioningException($"thing '{thing}' exists already; nothing was changed. Choose another --thing, or delete this one first");

        using var key = token?.MakeKey() ?? RSA.Create(KeyBits);
        var created = await api.CallAsync("CreateThing", HttpMethod.Post, $"things/{thing}", [], cancellation: cancellation).ConfigureAwait(false);
        try
        {
            var certificate = await CertifyAsync(thing, Text(created, "thingArn").Split(':')[4], key, cancellation).ConfigureAwait(false);
            if (group is not null)
                await JoinGroupAsync(thing, group, cancellation).ConfigureAwait(false);
            return new(thing, region, certificate, token is null ? key.ExportRSAPrivateKeyPem() + "\n" : null, rootCa, data, credentials, jobs);
        }
        catch (Exception problem) when (problem is AwsApiException or HttpRequestException)
        {
            throw new ProvisioningException($"{problem.Message}. Thing '{thing}' was made and is unfinished: delete it, or choose another --thing");
        }
    }

    private async Task<string> CertifyAsync(string thing, string account, RSA key, CancellationToken cancellation)
    {
        var request = new CertificateRequest($"CN={thing}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var certificate = await api.CallAsync("CreateCertificateFromCsr", HttpMethod.Post, "certificates",
            new() { ["certificateSigningRequest"] = request.CreateSigningRequestPem() }, ("setAsActive", "true"), cancellation: cancellation).ConfigureAwait(false);
        var arn = Text(certificate, "certificateArn");
        await new TokenExchange(api, account).EnsureAsync(cancellation).ConfigureAwait(false);
        await CreateUnlessThereAsync("CreatePolicy", $"policies/{DevicePolicy.Name}",
            new() { ["policyDocument"] = DevicePolicy.Document(region, account) }, cancellation).ConfigureAwait(false);
        await api.CallAsync("AttachPolicy", HttpMethod.Put, $"target-policies/{DevicePolicy.Name}",
            new() { ["target"] = arn }, cancellation: cancellation).ConfigureAwait(false);
        await api.CallAsync("AttachThingPrincipal", HttpMethod.Put, $"things/{thing}/principals", body: null,
            ("thingPrincipalType", "EXCLUSIVE_THING"), ("x-amzn-principal", arn), cancellation).ConfigureAwait(false);
        return Text(certificate, "certificatePem");
    }

    private async Task JoinGroupAsync(string thing, string group, CancellationToken cancellation)
    {
        await CreateUnlessThereAsync("CreateThingGroup", $"thing-groups/{group}", [], cancellation).ConfigureAwait(false);
        await api.CallAsync("AddThingToThingGroup", HttpMethod.Put, "thing-groups/addThingToThingGroup",
            new() { ["thingGroupName"] = group, ["thingName"] = thing }, cancellation: cancellation).ConfigureAwait(false);
    }

    private async Task<string> EndpointAsync(string type, CancellationToken cancellation) => Text(
        await api.CallAsync("DescribeEndpoint", HttpMethod.Get, "endpoint", query: ("endpointType", type), cancellation: cancellation).ConfigureAwait(false),
        "endpointAddress");

    private async Task<bool> ThingExistsAsync(string thing, CancellationToken cancellation)
    {
        try
        {
            await api.CallAsync("DescribeThing", HttpMethod.Get, $"things/{thing}", cancellation: cancellation).ConfigureAwait(false);
            return true;
        }
        catch (AwsApiException refusal) when (refusal.Code == "ResourceNotFoundException")
        {
            return false;
        }
    }

    private async Task CreateUnlessThereAsync(string operation, string path, JsonObject body, CancellationToken cancellation)
    {
        try
        {
            await api.CallAsync(operation, HttpMethod.Post, path, body, cancellation: cancellation).ConfigureAwait(false);
        }
        catch (AwsApiException refusal) when (refusal.Code == "ResourceAlreadyExistsException")
        {
        }
    }

    private static string Text(JsonObject answer, string name) =>
        answer[name]?.ToString() is { Length: > 0 } text ? text : throw new ProvisioningException($"the endpoint's answer has no {name}: is it an AWS API endpoint?");
}
