namespace Keyturn.Device.Credentials;

/// <summary>Where the nucleus looks for its credential.</summary>
internal sealed record CredentialPaths(string Key, string Certificate);
