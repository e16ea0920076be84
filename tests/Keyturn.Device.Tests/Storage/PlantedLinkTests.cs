using System.Runtime.InteropServices;
using Keyturn.Device.Storage;

namespace Keyturn.Device.Tests.Storage;

/// <summary>
/// The stores look before they write, and remove what is in the way. Should somebody put a link there between the two, the write itself must not
/// follow it.
/// </summary>
public sealed partial class PlantedLinkTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly PosixFileSystem _files = new();
    private readonly string _precious, _link;

    public PlantedLinkTests()
    {
        (_precious, _link) = (_directory.Combine("precious"), _directory.Combine("link"));
        File.WriteAllText(_precious, "precious");
        File.SetUnixFileMode(_precious, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.CreateSymbolicLink(_link, _precious);
    }

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("create")]
    [InlineData("copy")]
    [InlineData("overwrite")]
    [InlineData("mode")]
    [InlineData("owner")]
    [InlineData("read")]
    [InlineData("lock")]
    public void No_write_or_read_follows_a_link(string operation)
    {
        Assert.Throws<FileSystemException>(() => Do(operation, _link));
        Assert.Equal("precious", File.ReadAllText(_precious));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_precious));
    }

    [Theory]
    [InlineData("create")]
    [InlineData("copy")]
    public void A_new_file_never_takes_the_place_of_another_nor_of_what_a_broken_link_names(string operation)
    {
        Assert.Throws<FileSystemException>(() => Do(operation, _precious));
        Assert.Equal("precious", File.ReadAllText(_precious));

        var broken = _directory.Combine("broken");
        File.CreateSymbolicLink(broken, _directory.Combine("made elsewhere"));
        Assert.Throws<FileSystemException>(() => Do(operation, broken));
        Assert.False(File.Exists(_directory.Combine("made elsewhere")));
    }

    /// <summary>Opened as a file, a pipe is waited for until somebody opens its other end: for ever.</summary>
    [Theory]
    [InlineData("read")]
    [InlineData("overwrite")]
    [InlineData("sync")]
    [InlineData("mode")]
    [InlineData("owner")]
    [InlineData("look")]
    public async Task A_pipe_in_the_place_of_a_file_is_not_waited_for(string operation)
    {
        var pipe = _directory.Combine("pipe");
        Assert.Equal(0, MakePipe(pipe, 0x180));
        var done = Task.Run(() => Record.Exception(() => Do(operation, pipe)), TestContext.Current.CancellationToken);
        try
        {
            var failure = await done.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
            if (operation is "read" or "overwrite" or "sync")
                Assert.IsType<FileSystemException>(failure);
        }
        finally
        {
            // Lets go of whoever waits.
            using var end = new FileStream(pipe, FileMode.Open, FileAccess.ReadWrite);
            await done;
        }
    }

    [LibraryImport("libc", EntryPoint = "mkfifo", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);

    private void Do(string operation, string path)
    {
        var source = _directory.Combine("source");
        File.WriteAllText(source, "new");
        switch (operation)
        {
            case "create":
                _files.Create(path, "new"u8);
                break;
            case "copy":
                _files.Copy(source, path);
                break;
            case "overwrite":
                _files.Overwrite(path, "new"u8);
                break;
            case "mode":
                _files.SetMode(path, 0x1FF);
                break;
            case "owner":
                _files.SetOwner(path, _files.User, _files.Status(_precious)!.Value.Group);
                break;
            case "read":
                _files.Read(path, 100);
                break;
            case "sync":
                _files.SyncFile(path);
                break;
            case "look":
                _files.IsReadableBy(path, _files.User, 0);
                break;
            default:
                _files.Lock(path).Dispose();
                break;
        }
    }
}
