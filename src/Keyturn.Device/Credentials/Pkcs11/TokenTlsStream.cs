using System.Security.Authentication;
using Org.BouncyCastle.Tls;

namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>
/// The TLS stream, over BouncyCastle's non-blocking protocol: with the blocking one a pending read would hold up every write. What the protocol wants sent is
/// sent even after it has failed, and what the other end still had to say is read even after a write has failed: the reason of a refusal is in there.
/// </summary>
internal sealed class TokenTlsStream(Stream transport, TokenTlsClient client) : Stream
{
    private const int LargestRecord = 18 * 1024;

    private readonly TlsClientProtocol _protocol = new();
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly byte[] _received = new byte[LargestRecord];

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    public async Task HandshakeAsync(CancellationToken cancellation)
    {
        lock (_gate)
            _protocol.Connect(client);
        await SendOutputAsync(cancellation).ConfigureAwait(false);
        while (_protocol.IsHandshaking)
        {
            if (!await ReceiveAsync(cancellation).ConfigureAwait(false))
                throw Failure(new EndOfStreamException("the endpoint closed the connection during the handshake"));
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_protocol.GetAvailableInputBytes() is > 0 and var available)
                {
                    var part = new byte[Math.Min(available, buffer.Length)];
                    var read = _protocol.ReadInput(part, 0, part.Length);
                    part.AsSpan(0, read).CopyTo(buffer.Span);
                    return read;
                }
            }
            if (!await ReceiveAsync(cancellationToken).ConfigureAwait(false))
                return 0;
        }
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            lock (_gate)
                _protocol.WriteApplicationData(buffer.Span);
            await SendOutputAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await HearOutAsync(cancellationToken).ConfigureAwait(false);
            throw Failure(e);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("only asynchronous");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("only asynchronous");

    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            transport.Dispose();
            _sending.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>False at the end of the stream.</summary>
    private async Task<bool> ReceiveAsync(CancellationToken cancellation)
    {
        try
        {
            var count = await transport.ReadAsync(_received, cancellation).ConfigureAwait(false);
            if (count == 0)
                return false;
            lock (_gate)
                _protocol.OfferInput(_received, 0, count);
        }
        catch (IOException e)
        {
            await SendLastWordsAsync(cancellation).ConfigureAwait(false);
            throw Failure(e);
        }
        await SendOutputAsync(cancellation).ConfigureAwait(false);
        return true;
    }

    private async Task SendOutputAsync(CancellationToken cancellation)
    {
        await _sending.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            byte[] output;
            lock (_gate)
            {
                output = new byte[_protocol.GetAvailableOutputBytes()];
                _protocol.ReadOutput(output, 0, output.Length);
            }
            if (output.Length > 0)
                await transport.WriteAsync(output, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _sending.Release();
        }
    }

    private async Task SendLastWordsAsync(CancellationToken cancellation)
    {
        try
        {
            await SendOutputAsync(cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The first failure is the one that counts.
        }
    }

    private async Task HearOutAsync(CancellationToken cancellation)
    {
        try
        {
            while (client.AlertReceived is null && await ReceiveAsync(cancellation).ConfigureAwait(false))
            {
                // Until the alert, or the end.
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or AuthenticationException or InvalidOperationException)
        {
            // Whatever it had to say has been heard.
        }
    }

    private Exception Failure(IOException e) => (client.TokenFailure, client.AlertReceived) switch
    {
        ({ } token, _) => new IOException(token.Message, token),
        (_, { } alert) when TlsAlert.IsAboutTheCertificate(alert) => new AuthenticationException($"the endpoint refused the certificate: {AlertDescription.GetName(alert)}"),
        (_, { } alert) => new AuthenticationException($"the endpoint ended the handshake: {AlertDescription.GetName(alert)}"),
        _ when e is TlsFatalAlert { Message: var why } => new AuthenticationException(why, e),
        _ => e,
    };
}

internal static class TlsAlert
{
    /// <summary>By the alert alone: how a refusal shows itself otherwise differs between TLS 1.2 and 1.3.</summary>
    public static bool IsAboutTheCertificate(short alert) => alert is AlertDescription.bad_certificate or AlertDescription.unsupported_certificate
        or AlertDescription.certificate_revoked or AlertDescription.certificate_expired or AlertDescription.certificate_unknown or AlertDescription.unknown_ca
        or AlertDescription.access_denied;
}
