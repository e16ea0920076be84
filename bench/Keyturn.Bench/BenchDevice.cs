using System.Buffers.Binary;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Keyturn.Bench;

/// <summary>An MQTT 3.1.1 client of a few lines, so that ten thousand of them fit into one process and cost little of what is measured.</summary>
internal sealed class BenchDevice : IDisposable
{
    private readonly TcpClient tcp = new();
    private SslStream stream = null!;

    public static async Task<BenchDevice> ConnectAsync(string host, int port, X509Certificate2 certificate, X509Certificate2Collection roots, string clientId)
    {
        var device = new BenchDevice();
        await device.tcp.ConnectAsync(host, port);
        device.tcp.NoDelay = true;
        device.stream = new SslStream(device.tcp.GetStream());
        await device.stream.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
        {
            TargetHost = host,
            ClientCertificates = new X509CertificateCollection { certificate },
            CertificateChainPolicy = Trusting(roots),
        });
        var id = Encoding.ASCII.GetBytes(clientId);
        // Keep-alive 1200 s: nothing is heard of an idle device while it is looked at.
        await device.stream.WriteAsync((byte[])[0x10, (byte)(12 + id.Length), 0, 4, .. "MQTT"u8, 4, 2, 0x04, 0xB0, 0, (byte)id.Length, .. id]);
        var answer = new byte[4];
        await device.stream.ReadExactlyAsync(answer);
        return answer is [0x20, 2, _, 0] ? device : throw new InvalidOperationException($"CONNACK {Convert.ToHexString(answer)}");
    }

    /// <summary>At QoS 1, and waits for the PUBACK.</summary>
    public async Task PublishAsync(string topic, string payload, ushort identifier)
    {
        var (name, content) = (Encoding.ASCII.GetBytes(topic), Encoding.ASCII.GetBytes(payload));
        var id = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(id, identifier);
        await stream.WriteAsync((byte[])[0x32, (byte)(4 + name.Length + content.Length), 0, (byte)name.Length, .. name, .. id, .. content]);
        var answer = new byte[4];
        await stream.ReadExactlyAsync(answer);
        if (answer[0] != 0x40)
            throw new InvalidOperationException($"not a PUBACK: {Convert.ToHexString(answer)}");
    }

    public void Dispose()
    {
        stream?.Dispose();
        tcp.Dispose();
    }

    private static X509ChainPolicy Trusting(X509Certificate2Collection roots)
    {
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(roots);
        return policy;
    }
}
