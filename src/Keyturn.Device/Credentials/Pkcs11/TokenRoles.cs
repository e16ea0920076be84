namespace Keyturn.Device.Credentials.Pkcs11;

/// <summary>What a label says about an object: which credential it is of is said by CKA_ID alone, and never changes.</summary>
/// <param name="Current">The label of the nucleus's URIs.</param>
internal sealed record TokenRoles(string Current)
{
    /// <summary>Made by a rotation and not in use yet, or no longer.</summary>
    public string Next => Current + ".next";

    /// <summary>In use before the last switch.</summary>
    public string Previous => Current + ".prev";

    /// <summary>Made to find out what the token can do.</summary>
    public string Scratch => Current + ".probe";

    public string[] NotInUse => [Next, Previous, Scratch];
}
