using System.IO.Pipes;
using System.Net.Sockets;

namespace Greengrass.Ipc.Transport;

/// <summary>Opens what the nucleus names in the component's environment: a Unix domain socket, or, on Windows, a named pipe.</summary>
internal static class IpcTransport
{
    private const string PipePrefix = @"\\.\pipe\";

    /// <exception cref="IpcConnectionException">Nobody listens there, or this process may not connect.</exception>
    public static async Task<Stream> OpenAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            return path.StartsWith(PipePrefix, StringComparison.OrdinalIgnoreCase)
                ? await OpenPipeAsync(path[PipePrefix.Length..], cancellationToken).ConfigureAwait(false)
                : await OpenSocketAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new IpcConnectionException(
                IpcConnectionFailure.Unreachable, $"{path} is too long for the address of a Unix domain socket. Use a path relative to the working directory.", e);
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException)
        {
            throw new IpcConnectionException(
                IpcConnectionFailure.Unreachable, $"{path}: {e.Message}. Is the nucleus running, and may this user connect?", e);
        }
    }

    private static async Task<Stream> OpenSocketAsync(string path, CancellationToken cancellationToken)
    {
        var endPoint = new UnixDomainSocketEndPoint(path);
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(endPoint, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<Stream> OpenPipeAsync(string name, CancellationToken cancellationToken)
    {
        var pipe = new NamedPipeClientStream(".", name, PipeDirection.InOut, PipeOptions.Asynchronous);
        try
        {
            await pipe.ConnectAsync(cancellationToken).ConfigureAwait(false);
            return pipe;
        }
        catch
        {
            await pipe.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
