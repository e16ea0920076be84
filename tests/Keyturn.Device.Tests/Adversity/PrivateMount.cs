using System.Runtime.InteropServices;

namespace Keyturn.Device.Tests.Adversity;

/// <summary>A small file system of its own, which only the thread that runs the test sees, and which is gone with it.</summary>
internal static partial class PrivateMount
{
    private const int NewMounts = 0x20000, NewFileSystemContext = 0x200;
    private const ulong ReadOnly = 1, Remount = 32, Recursive = 16384, Private = 1 << 18;

    public static void Run(string directory, string size, Action test)
    {
        Exception? failure = null;
        string? refused = null;
        var thread = new Thread(() =>
        {
            if (Unshare(NewMounts | NewFileSystemContext) != 0 || Mount("none", "/", null, Recursive | Private, null) != 0 || Mount("none", directory, "tmpfs", 0, size) != 0)
            {
                refused = $"this process may not mount a file system of its own (error {Marshal.GetLastPInvokeError()}): it takes root";
                return;
            }
            try
            {
                test();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        Assert.SkipWhen(refused is not null, refused ?? "");
        if (failure is not null)
            throw new InvalidOperationException(failure.Message, failure);
    }

    public static void Set(string directory, bool isReadOnly, string size) =>
        Assert.Equal(0, Mount("none", directory, null, Remount | (isReadOnly ? ReadOnly : 0), size));

    [LibraryImport("libc", EntryPoint = "unshare", SetLastError = true)]
    private static partial int Unshare(int flags);

    [LibraryImport("libc", EntryPoint = "mount", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string? type, ulong flags, string? options);
}
