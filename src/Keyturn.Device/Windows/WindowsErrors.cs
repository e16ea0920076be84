using Keyturn.Device.Storage;

namespace Keyturn.Device.Windows;

/// <summary>The errors of Windows by the numbers and words of the seam.</summary>
internal static class WindowsErrors
{
    public const int FileNotFound = 2, AccessDenied = 5, LockViolation = 33;

    public static FileSystemException Failure(string operation, string path, int error)
    {
        var (number, reason) = error switch
        {
            FileNotFound or 3 => (FileSystemException.NoEntry, "no such file or directory"),
            AccessDenied or 1307 or 1314 => (FileSystemException.PermissionDenied, "access denied; Administrators and SYSTEM may do this"),
            32 or LockViolation => (FileSystemException.Busy, "is open in another program"),
            80 or 183 => (FileSystemException.Exists, "is there already"),
            17 => (FileSystemException.OtherDevice, "is on another volume"),
            39 or 112 => (FileSystemException.NoSpace, "the disk is full"),
            19 => (FileSystemException.ReadOnly, "the disk is write-protected"),
            50 => (FileSystemException.NotSupported, "this file system can't do it"),
            _ => (5, $"Windows error {error}"),
        };
        return new FileSystemException(operation, path, number, reason);
    }
}
