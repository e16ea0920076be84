using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Keyturn.LocalCloud.Mqtt;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>One HTTP listener on the loopback interface.</summary>
internal sealed class HttpPlane : IAsyncDisposable
{
    private static readonly SslApplicationProtocol Mqtt = new("x-amzn-mqtt-ca");

    private readonly WebApplication _app;

    private HttpPlane(WebApplication app, int port) => (_app, Port) = (app, port);

    public int Port { get; }

    /// <param name="tls">Serves HTTPS with this certificate and asks clients for theirs; null serves plain HTTP.</param>
    /// <param name="mqtt">Takes the connections that ask for MQTT by ALPN, as AWS IoT does on port 443.</param>
    public static async Task<HttpPlane> StartAsync(
        string name, int port, RequestDelegate handler, ILoggerFactory logs, SslStreamCertificateContext? tls = null, ServeStream? mqtt = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(logs);
        builder.Services.AddSingleton<IHostLifetime, LifetimeOfTheCloud>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Api.ApiServer.MaxBody;
            kestrel.Listen(IPAddress.Loopback, port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                if (tls is null)
                    return;
                var https = new HttpsConnectionAdapterOptions
                {
                    ServerCertificate = tls.TargetCertificate,
                    ClientCertificateMode = ClientCertificateMode.AllowCertificate,
                    OnAuthenticate = (_, authentication) =>
                        authentication.ApplicationProtocols = [SslApplicationProtocol.Http11, new("x-amzn-http-ca"), .. mqtt is null ? (SslApplicationProtocol[])[] : [Mqtt]],
                };
                // Any certificate, or none: the registry decides, not a chain.
                https.AllowAnyClientCertificate();
                listen.UseHttps(https);
                if (mqtt is not null)
                    listen.Use(next => connection => IsMqtt(connection) ? ServeMqttAsync(connection, mqtt) : next(connection));
            });
        });
        if (tls is not null)
            builder.WebHost.UseKestrelHttpsConfiguration();
        var app = builder.Build();
        app.Run(handler);
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync();
            throw new OptionException($"port {port} for {name} can't be used ({e.InnerException?.Message ?? e.Message}); write --{name}-port with a free one, or 0 for any");
        }

        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        return new HttpPlane(app, new Uri(address).Port);
    }

    private static SslStream Tls(ConnectionContext connection) => connection.Features.GetRequiredFeature<ISslStreamFeature>().SslStream;

    private static bool IsMqtt(ConnectionContext connection) => Tls(connection).NegotiatedApplicationProtocol == Mqtt;

    private static async Task ServeMqttAsync(ConnectionContext connection, ServeStream mqtt)
    {
        // As on the port for MQTT: nobody comes in without a certificate or without naming the server.
        if (Tls(connection) is not { RemoteCertificate: { } presented, TargetHostName.Length: > 0 } stream)
            return;
        await mqtt(stream, X509CertificateLoader.LoadCertificate(presented.GetRawCertData()), connection.RemoteEndPoint, connection.ConnectionClosed);
    }

    /// <summary>Signals end the process as a whole, in its order. A plane that heard them itself would break off, and complain, while it starts.</summary>
    private sealed class LifetimeOfTheCloud : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        // Open requests (a long poll of a function) don't hold the end back.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }
}

/// <summary>A wrong option: its message is one line that says what is wrong and what to write instead.</summary>
internal sealed class OptionException(string message) : Exception(message);
