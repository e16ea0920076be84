namespace Keyturn.Backend.Ports;

/// <summary>
/// The operators could not be told, and who gave the cause may never come again: the invocation fails with this, rather than be answered,
/// so that it is repeated.
/// </summary>
public sealed class UntoldException(DependencyException cause) : Exception($"the operators could not be told: {cause.Message}", cause);
