namespace Keyturn.LocalCore.Ipc;

/// <summary>Where nucleus lite is stricter than classic at its socket. There only 32-bit integers and strings are headers, a refusal ends the connection without a word, and an unknown operation is a ServiceError with an empty message.</summary>
/// <param name="Introduce">Who a CONNECT with this payload, sent by that process, comes from; nothing when it is refused.</param>
internal sealed record IpcManner(int MaxMessageBytes, int MaxClients, Func<ReadOnlyMemory<byte>, int, Introduced?> Introduce);

/// <param name="Token">To authenticate with from now on, for who came without one.</param>
internal sealed record Introduced(string Component, string? Token = null);
