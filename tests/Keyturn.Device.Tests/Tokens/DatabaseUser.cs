using System.Diagnostics;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>A program that locks an SQLite database for some hundredths of a second, four times a second, until it is disposed or a minute is over.</summary>
internal sealed class DatabaseUser : IAsyncDisposable
{
    private const string Program = """
        import sqlite3, sys, time
        db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
        for round in range(240):
            db.execute('BEGIN EXCLUSIVE')
            if round == 0: print('locked', flush=True)
            time.sleep(0.06)
            db.execute('ROLLBACK')
            time.sleep(0.2)
        """;

    private readonly Process _process;

    private DatabaseUser(Process process) => _process = process;

    public bool IsAtWork => !_process.HasExited;

    public static DatabaseUser Of(string database)
    {
        var process = Process.Start(new ProcessStartInfo("python3", ["-c", Program, database]) { RedirectStandardOutput = true })!;
        Assert.Equal("locked", process.StandardOutput.ReadLine());
        return new(process);
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
