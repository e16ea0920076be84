using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>Constraints that the public API model puts on names and ids.</summary>
internal static class Names
{
    public static readonly MemberRule Thing = new(1, 128, "[a-zA-Z0-9:_-]+");
    public static readonly MemberRule Policy = new(1, 128, @"[\w+=,.@-]+");
    public static readonly MemberRule PolicyVersion = new(1, 20, "[0-9]+");
    public static readonly MemberRule CertificateId = new(64, 64, "(0x)?[a-fA-F0-9]+");
    public static readonly MemberRule CertificatePem = new(1, 65536);
    public static readonly MemberRule Csr = new(1, 4096);
    public static readonly MemberRule AttributeName = new(0, 128, "[a-zA-Z0-9_.,@/:#-]+");
    public static readonly MemberRule AttributeValue = new(0, 800, @"[a-zA-Z0-9_.,@/:#=\[\]-]*");
    public static readonly MemberRule Description = new(0, 2028, @"[\x20-\x7E]*");
    public static readonly MemberRule CertificateStatus = new(values:
        ["ACTIVE", "INACTIVE", "REVOKED", "PENDING_TRANSFER", "REGISTER_INACTIVE", "PENDING_ACTIVATION"]);
    public static readonly MemberRule PrincipalType = new(values: ["EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"]);
}
