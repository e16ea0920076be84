using System.Diagnostics;
using System.Globalization;

namespace Keyturn.Device.Tests.Tokens;

/// <summary>
/// One TPM 2.0 for the whole test process: swtpm, which serves a single client, and before it tpm2-abrmd, which serves many, on a bus of its own. GLib
/// connects to a bus once in the life of a process, so there can't be two.
/// </summary>
internal sealed class TpmSimulator : IDisposable
{
    private const string UntilInputEnds = """exec 3<&0; "$@" </dev/null 3<&- & p=$!; { read _ <&3; kill $p; } 2>/dev/null & wait $p; kill $! 2>/dev/null""";

    private static readonly Lazy<TpmSimulator> Only = new(() => new TpmSimulator());

    private readonly TemporaryDirectory _directory = new();
    private readonly List<Process> _processes = [];
    private string? _lastWord;

    private TpmSimulator()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Dispose();
        Directory.CreateDirectory(_directory.Combine("tpm"));
        var port = StartTpm();
        var address = $"unix:path={_directory.Combine("bus")}";
        Start("dbus-daemon", "--session", "--nofork", "--nopidfile", "--address=" + address);
        Until(() => File.Exists(_directory.Combine("bus")), "dbus-daemon");
        Environment = new Dictionary<string, string>
        {
            ["DBUS_SESSION_BUS_ADDRESS"] = address,
            ["TPM2TOOLS_TCTI"] = "tabrmd:bus_type=session",
            ["TPM2_PKCS11_TCTI"] = "tabrmd:bus_type=session",
        };
        Start("tpm2-abrmd", "--session", "--allow-root", "--tcti", string.Create(CultureInfo.InvariantCulture, $"swtpm:host=127.0.0.1,port={port}"));
        Until(() => Answers(), "tpm2-abrmd");
    }

    public static TpmSimulator Shared => Only.Value;

    public Dictionary<string, string> Environment { get; }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.StandardInput.Close();
            process.WaitForExit();
            process.Dispose();
        }
        _processes.Clear();
        if (Directory.Exists(_directory.Path))
            _directory.Dispose();
    }

    /// <summary>Its two ports are neighbours.</summary>
    private int StartTpm()
    {
        for (var attempt = 0; attempt < 50; attempt++)
        {
            // Below the ports that outgoing connections take: a closed one keeps its port for a minute, and neighbours are seldom both free there.
            var port = 20_000 + (((System.Environment.ProcessId * 7) + (attempt * 2)) % 12_000);
            var process = Start(
                "swtpm", "socket", "--tpm2", "--tpmstate", $"dir={_directory.Combine("tpm")}", "--flags", "not-need-init,startup-clear",
                "--server", string.Create(CultureInfo.InvariantCulture, $"type=tcp,port={port},bindaddr=127.0.0.1"),
                "--ctrl", string.Create(CultureInfo.InvariantCulture, $"type=tcp,port={port + 1},bindaddr=127.0.0.1"));
            if (!process.WaitForExit(200))
                return port;
        }
        throw new InvalidOperationException($"swtpm did not start on any of 50 pairs of ports: {_lastWord}");
    }

    private bool Answers()
    {
        try
        {
            Tool.Run(Environment, "tpm2", "getrandom", "4", "--hex");
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private Process Start(string program, params string[] arguments)
    {
        // Its end is tied to ours, however we end: the shell waits for our side of the pipe to close.
        var start = new ProcessStartInfo("sh", ["-c", UntilInputEnds, "sh", program, .. arguments]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        if (Environment is not null)
            start.Environment["DBUS_SESSION_BUS_ADDRESS"] = Environment["DBUS_SESSION_BUS_ADDRESS"];
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, e) => _lastWord = e.Data ?? _lastWord;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);
        return process;
    }

    private static void Until(Func<bool> condition, string what)
    {
        for (var attempt = 0; !condition(); attempt++)
        {
            if (attempt == 100)
                throw new TimeoutException($"{what} did not start");
            Thread.Sleep(50);
        }
    }
}

/// <summary>tpm2-pkcs11 with a database of its own, on the one TPM.</summary>
internal sealed class Tpm : TestToken
{
    private static readonly Lazy<Tpm> Model = new(() => Provisioned(new Tpm()));

    public static Tpm WithCredential() => new(Model.Value);

    private Tpm(Tpm model)
    {
        Copy(model.Combine("store"), Combine("store"));
        Environment = Configure();
    }

    public Tpm()
    {
        Directory.CreateDirectory(Combine("store"));
        Environment = Configure();
        Tool.Run(Environment, "tpm2_ptool", "init", "--path", Combine("store"));
        Tool.Run(Environment, "tpm2_ptool", "addtoken", "--pid=1", "--label=device", "--userpin=" + Pin, "--sopin=87654321", "--path", Combine("store"));
    }

    public override string Library => "libtpm2_pkcs11.so.1";

    public override ulong Slot => 1;

    protected override string ObjectsDirectory => Combine("store");

    public override IReadOnlyDictionary<string, string> Environment { get; }

    private Dictionary<string, string> Configure() => new(TpmSimulator.Shared.Environment) { ["TPM2_PKCS11_STORE"] = Combine("store") };
}
