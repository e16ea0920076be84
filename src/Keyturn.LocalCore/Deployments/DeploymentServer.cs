using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Keyturn.LocalCore.Deployments;

/// <summary>Takes deployments of the <c>deploy</c> command: one JSON document in a line, one result in a line. Only this user gets at the socket.</summary>
internal sealed class DeploymentServer(string path, DeploymentRunner runner, TimeProvider time, ILogger log) : IAsyncDisposable
{
    private const int LongestDocument = 1 << 20;
    private static readonly TimeSpan ReadTime = TimeSpan.FromSeconds(10);

    private readonly CancellationTokenSource stopping = new();
    private Socket? listener;
    private Task accepting = Task.CompletedTask;

    public void Start()
    {
        File.Delete(path);
        listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        listener.Listen();
        accepting = AcceptAsync(listener);
    }

    public async ValueTask DisposeAsync()
    {
        await stopping.CancelAsync().ConfigureAwait(false);
        listener?.Dispose();
        await accepting.ConfigureAwait(false);
        File.Delete(path);
        runner.Dispose();
        stopping.Dispose();
    }

    private async Task AcceptAsync(Socket socket)
    {
        List<Task> serving = [];
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                serving.RemoveAll(s => s.IsCompleted);
                serving.Add(ServeAsync(await socket.AcceptAsync(stopping.Token).ConfigureAwait(false)));
            }
            catch (Exception problem) when (problem is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                if (!stopping.IsCancellationRequested)
                    log.DeploymentRequestBroke(problem.Message);
            }
        }
        await Task.WhenAll(serving).ConfigureAwait(false);
    }

    private async Task ServeAsync(Socket client)
    {
        await Task.Yield();
        using var stream = new NetworkStream(client, ownsSocket: true);
        try
        {
            DeploymentResult result;
            try
            {
                result = await runner.RunAsync(DeploymentDocument.Parse(await ReadLineAsync(stream).ConfigureAwait(false)), stopping.Token).ConfigureAwait(false);
            }
            catch (InvalidDataException problem)
            {
                result = new("", DeploymentResult.FailedNoStateChange, $"the deployment document can't be used: {problem.Message}");
            }
            await stream.WriteAsync(Encoding.UTF8.GetBytes(result.ToJson() + "\n"), stopping.Token).ConfigureAwait(false);
        }
        catch (Exception problem) when (problem is IOException or OperationCanceledException)
        {
            if (!stopping.IsCancellationRequested)
                log.DeploymentRequestBroke(problem.Message);
        }
    }

    private async Task<string> ReadLineAsync(NetworkStream stream)
    {
        using var limit = new CancellationTokenSource(ReadTime, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stopping.Token);
        var bytes = new MemoryStream();
        var part = new byte[8192];
        while (true)
        {
            var read = await stream.ReadAsync(part, either.Token).ConfigureAwait(false);
            bytes.Write(part, 0, read);
            if (read == 0 || part.AsSpan(0, read).Contains((byte)'\n'))
                return Encoding.UTF8.GetString(bytes.ToArray());
            if (bytes.Length > LongestDocument)
                throw new InvalidDataException($"it is longer than {LongestDocument} bytes");
        }
    }
}
