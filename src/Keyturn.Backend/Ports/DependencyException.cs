namespace Keyturn.Backend.Ports;

/// <summary>A service that the backend needs gave an error or no answer, after the adapter's own retries.</summary>
/// <param name="code">The service's error code, such as <c>ThrottlingException</c>.</param>
public sealed class DependencyException(string service, string operation, string code, string message, Exception? inner = null)
    : Exception($"{service} {operation}: {code}: {message}", inner)
{
    /// <summary>A commit or a job event was faster: whoever asks again meets what it left.</summary>
    public static DependencyException Overtaken() => new("ledger", "TryUpdate", "Conflict", "the rotation moved on meanwhile");

    public string Service { get; } = service;

    public string Operation { get; } = operation;

    public string Code { get; } = code;
}
