namespace Keyturn.LocalCloud.Registry;

/// <summary>A CA that the account has registered, so that certificates it signed can be.</summary>
internal sealed class DeviceAuthority(string id, string pem, byte[] subject, DateTimeOffset created)
{
    public string Id { get; } = id;

    public string Arn => CloudAccount.Local.Arn("iot", $"cacert/{Id}");

    public string Pem { get; } = pem;

    /// <summary>Its name in DER: the issuer of what it signs.</summary>
    public byte[] Subject { get; } = subject;

    public required bool IsActive { get; set; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>DEFAULT, or SNI_ONLY for one that was registered without proof of its key.</summary>
    public required string Mode { get; init; }

    public DateTimeOffset Created { get; } = created;

    public DateTimeOffset Modified { get; set; } = created;

    public int CustomerVersion { get; set; } = 1;

    public string GenerationId { get; } = Guid.NewGuid().ToString();
}
