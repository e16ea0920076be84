using Greengrass.Ipc;
using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;
using Microsoft.Extensions.Logging.Abstractions;

namespace Keyturn.Device.Tests.Greengrass;

public sealed class NucleusLiteTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly List<string> _asked = [];
    private readonly Dictionary<string, string> _problems = [];
    private bool _doesRestart = true;
    private int _invocation = 1;

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("/var/lib/greengrass/gg-ipc.socket", true)]
    [InlineData("../../gg-ipc.socket", true)]
    [InlineData("/greengrass/v2/ipc.socket", false)]
    [InlineData("../../ipc.socket", false)]
    [InlineData(@"\\.\pipe\NucleusNamedPipe-0f", false)]
    public void Is_recognised_by_the_name_of_its_socket(string socket, bool isLite) => Assert.Equal(isLite, LiteSystem.IsServedAt(socket));

    [Fact]
    public void Messages_are_held_to_its_limit()
    {
        var limited = LiteSystem.Limit(new GreengrassIpcOptions { SocketPath = "/gg-ipc.socket", AuthToken = "T", ComponentName = "C" });
        Assert.Equal(("/gg-ipc.socket", "T", "C", 10_000), (limited.SocketPath, limited.AuthToken, limited.ComponentName, limited.MaxMessageBytes));
    }

    [Fact]
    public async Task Is_made_to_read_its_credential_by_restarting_the_two_daemons_that_use_the_connection_and_no_more()
    {
        Assert.Null(await Nucleus().RestartAsync(TestContext.Current.CancellationToken));
        Assert.Equal(["restart ggl.core.iotcored.service", "restart ggl.core.gg-fleet-statusd.service"], _asked.Where(a => a.StartsWith("restart", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_restart_counts_only_when_another_start_of_the_daemon_runs_afterwards()
    {
        var nucleus = Nucleus();
        Assert.Equal("invocation-1", nucleus.Session);
        _doesRestart = false;
        Assert.Contains("was told to restart and did not", await nucleus.RestartAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.DoesNotContain(_asked, a => a.Contains("statusd", StringComparison.Ordinal));
        Assert.Equal("invocation-1", nucleus.Session);
    }

    [Fact]
    public async Task A_restart_that_systemd_refuses_is_told_with_what_to_do()
    {
        _problems["restart ggl.core.iotcored.service"] = "systemctl restart failed: Access denied";
        var reason = await Nucleus().RestartAsync(TestContext.Current.CancellationToken);
        Assert.Contains("Access denied", reason, StringComparison.Ordinal);
        Assert.Contains("RequiresPrivilege", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_status_daemon_that_can_not_be_restarted_does_not_end_a_rotation()
    {
        _problems["restart ggl.core.gg-fleet-statusd.service"] = "not found";
        Assert.Null(await Nucleus().RestartAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task No_session_is_made_up_when_systemd_does_not_answer()
    {
        _problems["show --property=InvocationID --value ggl.core.iotcored.service"] = "timed out";
        Assert.Throws<IOException>(() => Nucleus().Session);
        Assert.Contains("timed out", await Nucleus().RestartAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.DoesNotContain(_asked, a => a.StartsWith("restart", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("loaded", true)]
    [InlineData("not-found", false)]
    [InlineData("masked", false)]
    public async Task A_core_whose_daemon_is_no_unit_of_systemd_is_refused_before_anything_is_touched(string state, bool isFit)
    {
        var nucleus = new NucleusLite(_ => Task.CompletedTask, (_, _) => Task.FromResult((state + "\n", (string?)null)), NullLogger.Instance);
        if (isFit)
            await nucleus.CheckAsync(TestContext.Current.CancellationToken);
        else
            Assert.Contains("Nothing was changed", (await Assert.ThrowsAsync<CredentialException>(() => nucleus.CheckAsync(TestContext.Current.CancellationToken))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_over_IPC_where_its_credential_is()
    {
        using var nucleus = new FakeNucleus();
        Fill(nucleus);
        var system = await LiteSystem.AskAsync(nucleus.Options, TestContext.Current.CancellationToken);
        Assert.Equal(new SystemConfiguration("/etc/greengrass/private.key", "/etc/greengrass/device.crt", "/etc/greengrass/ca.pem", "pump1", IsLite: true), system);
    }

    [Theory]
    [InlineData("pkcs11:token=t;object=o;type=private?pin-value=1234")]
    [InlineData("handle:0x81000001")]
    [InlineData("certs/private.key")]
    public async Task A_key_that_is_in_no_file_is_refused_and_not_named(string key)
    {
        using var nucleus = new FakeNucleus();
        Fill(nucleus);
        nucleus.System["privateKeyPath"] = key;
        var message = (await Assert.ThrowsAsync<CredentialException>(() => LiteSystem.AskAsync(nucleus.Options, TestContext.Current.CancellationToken))).Message;
        Assert.Contains("system.privateKeyPath", message, StringComparison.Ordinal);
        Assert.Contains("Nothing was changed", message, StringComparison.Ordinal);
        Assert.DoesNotContain(key, message, StringComparison.Ordinal);
        Assert.DoesNotContain("1234", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_files_say_the_same_where_it_can_not_be_asked_and_a_fragment_replaces_what_the_file_says()
    {
        Write("config.yaml", "system:\n  rootPath: /var/lib/greengrass/\n  thingName: pump1\n  privateKeyPath: /old.key\n  certificateFilePath: /device.crt\n  rootCaPath: /ca.pem\n");
        Write("config.d/greengrass-lite.yaml", "system:\n  privateKeyPath: file:///new.key\n");

        var system = SystemConfiguration.Read("/var/lib/greengrass", _directory.Path);
        Assert.Equal(new SystemConfiguration("/new.key", "/device.crt", "/ca.pem", "pump1", IsLite: true), system);
        Assert.Contains("/greengrass/v2", Assert.Throws<CredentialException>(() => SystemConfiguration.Read("/greengrass/v2", _directory.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_it_refuses_is_tried_again_for_as_long_as_it_takes()
    {
        using var nucleus = new FakeNucleus();
        await using var channel = new GreengrassChannel(nucleus.Options, "pump1", TimeProvider.System, NullLogger.Instance, outlivesNucleus: true);
        var opened = 0;
        channel.Opened += () => opened++;
        using var stop = new CancellationTokenSource();
        await channel.ConnectAsync(TestContext.Current.CancellationToken);
        var running = channel.RunAsync(stop.Token);
        await FakeNucleus.UntilAsync(() => opened == 1);

        nucleus.RefusesConnections = true;
        nucleus.Drop();
        await FakeNucleus.UntilAsync(() => nucleus.Connections > 2);
        Assert.False(running.IsCompleted);
        nucleus.RefusesConnections = false;
        await FakeNucleus.UntilAsync(() => opened == 2);

        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Fact]
    public async Task Subscriptions_that_are_to_be_made_anew_count_as_closed_at_once_and_are_closed_at_the_nucleus()
    {
        using var nucleus = new FakeNucleus();
        await using var channel = new GreengrassChannel(nucleus.Options, "pump1", TimeProvider.System, NullLogger.Instance, outlivesNucleus: true);
        using var stop = new CancellationTokenSource();
        await channel.ConnectAsync(TestContext.Current.CancellationToken);
        var running = channel.RunAsync(stop.Token);
        await FakeNucleus.UntilAsync(() => channel.IsOpen);
        var before = nucleus.Calls("SubscribeToIoTCore").Length;

        channel.Reopen();
        await FakeNucleus.UntilAsync(() => channel.IsOpen && nucleus.Calls("SubscribeToIoTCore").Length == 2 * before);

        Assert.Equal(1, nucleus.Connections);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Fact]
    public async Task Subscriptions_that_end_as_soon_as_they_are_made_are_not_made_anew_without_a_pause()
    {
        using var nucleus = new FakeNucleus { EndsSubscriptions = true };
        await using var channel = new GreengrassChannel(nucleus.Options, "pump1", TimeProvider.System, NullLogger.Instance, outlivesNucleus: true);
        var opened = 0;
        channel.Opened += () => opened++;
        using var stop = new CancellationTokenSource();
        await channel.ConnectAsync(TestContext.Current.CancellationToken);
        var running = channel.RunAsync(stop.Token);
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        Assert.InRange(opened, 1, 3);

        nucleus.EndsSubscriptions = false;
        await FakeNucleus.UntilAsync(() => channel.IsOpen);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    private static void Fill(FakeNucleus nucleus)
    {
        nucleus.System["privateKeyPath"] = "/etc/greengrass/private.key";
        nucleus.System["certificateFilePath"] = "/etc/greengrass/device.crt";
        nucleus.System["rootCaPath"] = "/etc/greengrass/ca.pem";
        nucleus.System["thingName"] = "pump1";
    }

    private void Write(string name, string text)
    {
        var path = _directory.Combine(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private NucleusLite Nucleus() => new(_ => Task.CompletedTask, (arguments, _) =>
    {
        var command = string.Join(' ', arguments);
        _asked.Add(command);
        if (_problems.TryGetValue(command, out var problem))
            return Task.FromResult(("", (string?)problem));
        if (command == "restart ggl.core.iotcored.service" && _doesRestart)
            _invocation++;
        return Task.FromResult(($"invocation-{_invocation}\n", (string?)null));
    }, NullLogger.Instance);
}
