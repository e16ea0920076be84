namespace Keyturn.LocalCore.Tokens;

/// <summary>Where a core keeps its key.</summary>
internal enum TokenKind
{
    /// <summary>SoftHSM 2.</summary>
    SoftHsm,

    /// <summary>tpm2-pkcs11 on a simulated TPM 2.0.</summary>
    Tpm,
}

/// <summary>What a device would have in its own places, here under <c>token</c> in the core's root: one device's token must not be another's.</summary>
internal sealed class TokenDirectory(string root)
{
    public string Path { get; } = System.IO.Path.Combine(root, "token");

    public bool IsTpm => Directory.Exists(In("tpm"));

    /// <summary>NAME=VALUE lines that tell the token's module where its things are; for the shell too.</summary>
    public string EnvironmentFile => In("environment");

    public string In(string name) => System.IO.Path.Combine(Path, name);

    public Dictionary<string, string> ReadEnvironment() => File.Exists(EnvironmentFile)
        ? File.ReadLines(EnvironmentFile).Select(line => line.Split('=', 2)).Where(part => part.Length == 2).ToDictionary(part => part[0], part => part[1])
        : [];

    /// <summary>For this process, the modules that it loads, and the processes that it starts.</summary>
    public void ApplyEnvironment()
    {
        foreach (var (name, value) in ReadEnvironment())
        {
            Environment.SetEnvironmentVariable(name, value);
            // Native code does not see what .NET sets.
            Posix.SetEnvironment(name, value);
        }
    }
}
