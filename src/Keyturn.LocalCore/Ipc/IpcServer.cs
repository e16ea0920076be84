using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Ipc;

/// <summary>Serves components on a Unix domain socket. Each connection stands alone: a bad one never disturbs another.</summary>
internal sealed class IpcServer(
    string path, Func<string, string?> componentOf, IEnumerable<Operation> operations, ILogger log, IpcManner? manner = null) : IAsyncDisposable
{
    private readonly Dictionary<string, Operation> operations = operations.ToDictionary(o => o.FullName);
    private readonly ConcurrentDictionary<Task, byte> connections = [];
    private readonly CancellationTokenSource stopping = new();
    private Socket? listener;
    private int clients;
    private Task accepting = Task.CompletedTask;

    public void Start()
    {
        File.Delete(path);
        listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        listener.Listen();
        accepting = AcceptAsync(listener);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        listener?.Dispose();
        await accepting.ConfigureAwait(false);
        await Task.WhenAll(connections.Keys).ConfigureAwait(false);
        File.Delete(path);
        stopping.Dispose();
    }

    /// <summary>pid, uid and gid by SO_PEERCRED.</summary>
    private static int PeerOf(Socket client)
    {
        Span<byte> credentials = stackalloc byte[12];
        client.GetRawSocketOption(1, 17, credentials);
        return System.Runtime.InteropServices.MemoryMarshal.Read<int>(credentials);
    }

    private async Task AcceptAsync(Socket socket)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var client = await socket.AcceptAsync(stopping.Token).ConfigureAwait(false);
                var serving = ServeAsync(client);
                connections.TryAdd(serving, 0);
                _ = serving.ContinueWith(done => connections.TryRemove(done, out _), TaskScheduler.Default);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException problem)
            {
                log.IpcAcceptFailed(problem.Message);
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        await Task.Yield();
        using var socket = client;
        try
        {
            if (Interlocked.Increment(ref clients) > manner?.MaxClients)
                return;
            await ServeConnectionAsync(client).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref clients);
        }
    }

    private async Task ServeConnectionAsync(Socket client)
    {
        var connection = new IpcConnection(new NetworkStream(client, ownsSocket: true), componentOf, operations, log, manner, PeerOf(client));
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                await connection.RunAsync(stopping.Token).ConfigureAwait(false);
            }
            catch (Exception problem)
            {
                log.IpcConnectionBroke(problem);
            }
        }
    }
}
