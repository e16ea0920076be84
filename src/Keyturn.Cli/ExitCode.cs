namespace Keyturn.Cli;

/// <summary>What the shell gets to see.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int UserError = 1;
    public const int PartFailed = 2;
    public const int Bug = 70;
}

/// <summary>Something the person at the keyboard can mend; the message says what, and what was left untouched.</summary>
internal sealed class UserException(string message, Exception? inner = null) : Exception(message, inner);
