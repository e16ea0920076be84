using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MQTTnet;

namespace Keyturn.Cli.Demo;

/// <summary>What became of one device: true only if the disk, the registry and a connection all say so.</summary>
internal sealed record DeviceOutcome(
    WatchedRotation Rotation, string OldCertificateId, string? NewCertificateId, string? KeyAlgorithm, string? Fault)
{
    public bool Rotated => Fault is null;
}

/// <summary>
/// Believes no job status: reads the device's files, asks the registry, and connects with what it found, under the client id that
/// the device's policy grants beside the nucleus's own.
/// </summary>
internal sealed class CredentialCheck(FleetApi fleet, DemoCloud cloud, TimeProvider time)
{
    private static readonly TimeSpan RetirePatience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan RetireInterval = TimeSpan.FromMilliseconds(200);

    public async Task<DeviceOutcome> CheckAsync(WatchedRotation rotation, string oldId, CancellationToken stop)
    {
        try
        {
            using var credential = rotation.Device.ReadCredential();
            var newId = Convert.ToHexStringLower(credential.GetCertHash(HashAlgorithmName.SHA256));
            var fault = await FindFaultAsync(rotation, credential, oldId, newId, stop);
            return new DeviceOutcome(rotation, oldId, newId, Describe(credential), fault);
        }
        catch (Exception error) when (error is IOException or CryptographicException or UnauthorizedAccessException)
        {
            return new DeviceOutcome(rotation, oldId, null, null, $"no complete credential on the device: {error.Message}");
        }
    }

    private async Task<string?> FindFaultAsync(
        WatchedRotation rotation, X509Certificate2 credential, string oldId, string newId, CancellationToken stop)
    {
        if (rotation.Status != "SUCCEEDED")
            return rotation.IsOver ? $"the job execution ended {rotation.Status}: {rotation.Reason}" : $"still {rotation.Status} when the time was up";
        if (newId == oldId)
            return "the device still holds its old certificate";
        if (await ActiveCertificateFaultAsync(rotation.Device.Thing, oldId, newId, stop) is { } fault)
            return fault;
        // A key in a token can't be lent to us. The backend took the commit from the nucleus's connection, and only with the new certificate.
        return rotation.Device.IsInToken ? null : await ConnectFaultAsync(rotation.Device.Thing, credential, stop);
    }

    /// <summary>The old certificate is retired after the job is over: that may take a moment, and no more than that.</summary>
    private async Task<string?> ActiveCertificateFaultAsync(string thing, string oldId, string newId, CancellationToken stop)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var principals = await fleet.ListCertificatesAsync(thing, stop);
            var active = new List<string>();
            foreach (var id in principals)
            {
                if (await fleet.FindCertificateStatusAsync(id, stop) == "ACTIVE")
                    active.Add(id);
            }

            var oldStatus = await fleet.FindCertificateStatusAsync(oldId, stop);
            if (active is [var only] && only == newId && oldStatus is null)
                return null;
            if (time.GetElapsedTime(started) > RetirePatience)
                return $"{active.Count} active certificates on the thing; the old one is {oldStatus ?? "gone"}";
            await Task.Delay(RetireInterval, time, stop);
        }
    }

    private async Task<string?> ConnectFaultAsync(string thing, X509Certificate2 credential, CancellationToken stop)
    {
        var roots = cloud.RootCa();
        using var client = new MqttClientFactory().CreateMqttClient();
        var settings = new MqttClientOptionsBuilder()
            .WithTcpServer(cloud.MqttHost, cloud.MqttPort)
            .WithClientId(thing + "#preflight")
            .WithTimeout(TimeSpan.FromSeconds(10))
            .WithTlsOptions(tls => tls.UseTls().WithTrustChain(roots).WithClientCertificates([credential]))
            .Build();
        try
        {
            var answer = await client.ConnectAsync(settings, stop);
            await client.DisconnectAsync(cancellationToken: stop);
            return answer.ResultCode == MqttClientConnectResultCode.Success ? null : $"the new credential was refused: {answer.ResultCode}";
        }
        catch (MQTTnet.Exceptions.MqttCommunicationException error)
        {
            return $"the new credential does not connect: {error.Message}";
        }
    }

    private static string Describe(X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();
        if (rsa is not null)
            return $"RSA-{rsa.KeySize}";
        using var ecdsa = certificate.GetECDsaPublicKey();
        return ecdsa is null ? certificate.GetKeyAlgorithm() : $"ECDSA-P{ecdsa.KeySize}";
    }
}
