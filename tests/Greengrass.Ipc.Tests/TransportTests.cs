using System.IO.Pipes;

namespace Greengrass.Ipc.Tests;

public sealed class TransportTests : IAsyncDisposable
{
    private readonly ScriptedNucleus server = new();

    [Fact]
    public async Task The_kernel_names_the_process_at_the_other_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SO_PEERCRED is Linux's");
        var (client, _) = await server.ConnectAsync();
        await using var disposed = client;
        Assert.Equal(Environment.ProcessId, client.PeerProcessId);
    }

    [Fact]
    public async Task A_socket_path_may_be_relative_to_the_working_directory()
    {
        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), server.SocketPath);
        Assert.False(Path.IsPathRooted(relative));
        var (client, _) = await server.ConnectAsync(new GreengrassIpcOptions { SocketPath = relative, AuthToken = "T" });
        await client.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_at_the_socket_is_told_with_its_path()
    {
        var path = server.SocketPath + ".absent";
        var failure = await Assert.ThrowsAsync<IpcConnectionException>(
            () => GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = path, AuthToken = "T" }));
        Assert.Equal(IpcConnectionFailure.Unreachable, failure.Failure);
        Assert.Contains(path, failure.Message, StringComparison.Ordinal);
        Assert.NotNull(failure.InnerException);
    }

    [Fact]
    public async Task A_socket_path_too_long_for_an_address_is_told_with_what_to_do()
    {
        var failure = await Assert.ThrowsAsync<IpcConnectionException>(
            () => GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = "/" + new string('p', 200), AuthToken = "T" }));
        Assert.Equal(IpcConnectionFailure.Unreachable, failure.Failure);
        Assert.Contains("relative", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>On Linux the runtime plays the pipe over a socket: the code path is the same.</summary>
    [Fact]
    public async Task A_pipe_name_is_opened_as_a_named_pipe()
    {
        var name = "NucleusNamedPipe-" + Guid.NewGuid().ToString("N");
        await using var pipe = new NamedPipeServerStream(name, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.Asynchronous);
        var connecting = GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions { SocketPath = @"\\.\pipe\" + name, AuthToken = "T" });

        await pipe.WaitForConnectionAsync();
        await pipe.WriteAsync(Frames.Message(5, 1, 0));

        await using var client = await connecting;
        Assert.Null(client.PeerProcessId);
    }

    [Fact]
    public async Task Any_duplex_stream_can_take_the_place_of_the_socket()
    {
        string? asked = null;
        var connecting = GreengrassIpcClient.ConnectAsync(new GreengrassIpcOptions
        {
            SocketPath = "anything",
            AuthToken = "T",
            OpenTransport = async (path, cancellationToken) =>
            {
                asked = path;
                var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, default);
                await socket.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(server.SocketPath), cancellationToken);
                return new BufferedStream(new System.Net.Sockets.NetworkStream(socket, ownsSocket: true), 1);
            },
        });
        await using var nucleus = await server.AcceptAsync();
        await nucleus.AcceptHandshakeAsync();
        await using var client = await connecting;
        Assert.Equal("anything", asked);
        Assert.Null(client.PeerProcessId);
    }

    [Fact]
    public void The_environment_of_a_component_is_enough()
    {
        var variables = new Dictionary<string, string>
        {
            ["AWS_GG_NUCLEUS_DOMAIN_SOCKET_FILEPATH_FOR_COMPONENT"] = "/greengrass/v2/ipc.socket", ["SVCUID"] = "TOKEN",
        };
        var options = GreengrassIpcOptions.FromEnvironment(variables.GetValueOrDefault, "my.Component");
        Assert.Equal(("/greengrass/v2/ipc.socket", "TOKEN", "my.Component"), (options.SocketPath, options.AuthToken, options.ComponentName));

        variables.Remove("SVCUID");
        Assert.Null(GreengrassIpcOptions.FromEnvironment(variables.GetValueOrDefault, "my.Component").AuthToken);
        var error = Assert.Throws<InvalidOperationException>(() => GreengrassIpcOptions.FromEnvironment(variables.GetValueOrDefault, null));
        Assert.Contains("SVCUID", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Options_that_make_no_sense_are_refused_before_connecting()
    {
        GreengrassIpcOptions[] senseless =
        [
            new() { SocketPath = "", AuthToken = "T" },
            new() { SocketPath = "s" },
            new() { SocketPath = "s", AuthToken = "T", CallTimeout = TimeSpan.Zero },
            new() { SocketPath = "s", AuthToken = "T", HandshakeTimeout = TimeSpan.FromSeconds(-1) },
            new() { SocketPath = "s", AuthToken = "T", SubscriptionCapacity = 0 },
            new() { SocketPath = "s", AuthToken = "T", MaxMessageBytes = 15 },
            new() { SocketPath = "s", AuthToken = "T", MaxMessageBytes = 24 * 1024 * 1024 + 1 },
        ];
        foreach (var options in senseless)
            await Assert.ThrowsAnyAsync<ArgumentException>(() => GreengrassIpcClient.ConnectAsync(options));
    }

    public ValueTask DisposeAsync() => server.DisposeAsync();
}
