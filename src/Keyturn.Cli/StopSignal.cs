using System.Runtime.InteropServices;

namespace Keyturn.Cli;

/// <summary>Turns SIGINT, SIGTERM and SIGHUP into a cancellation, so that whatever was started is ended before we are.</summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations;

    public StopSignal() => registrations =
    [
        Register(PosixSignal.SIGINT, 130),
        Register(PosixSignal.SIGTERM, 143),
        Register(PosixSignal.SIGHUP, 129),
    ];

    public CancellationToken Token => source.Token;

    public int ExitCode { get; private set; }

    public void Dispose()
    {
        registrations.ForEach(registration => registration.Dispose());
        source.Dispose();
    }

    private PosixSignalRegistration Register(PosixSignal signal, int exitCode) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        ExitCode = exitCode;
        source.Cancel();
    });
}
