using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>Certificate authorities: made, described, switched, deleted, restored, tagged.</summary>
internal sealed class AuthorityOperations(AuthorityStore store, TimeProvider time)
{
    private const int MostAuthorities = 200;
    private static readonly MemberRule Types = new(values: ["ROOT", "SUBORDINATE"]);
    private static readonly MemberRule Owners = new(values: ["SELF", "OTHER_ACCOUNTS"]);
    private static readonly MemberRule Modes = new(values: ["GENERAL_PURPOSE", "SHORT_LIVED_CERTIFICATE"]);
    private static readonly MemberRule KeyAlgorithms = new(values: ["RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"]);
    private static readonly MemberRule Storages = new(values: ["FIPS_140_2_LEVEL_2_OR_HIGHER", "FIPS_140_2_LEVEL_3_OR_HIGHER", "CCPC_LEVEL_1_OR_HIGHER"]);
    private static readonly MemberRule Statuses = new(values: ["CREATING", "PENDING_CERTIFICATE", "ACTIVE", "DELETED", "DISABLED", "EXPIRED", "FAILED"]);

    private readonly Dictionary<string, (DateTimeOffset At, string Request, string Arn)> _tokens = new(StringComparer.Ordinal);

    public IEnumerable<ApiOperation> All =>
    [
        Locked("CreateCertificateAuthority", Create),
        Locked("DescribeCertificateAuthority", request => new JsonObject { ["CertificateAuthority"] = Show(Find(request)) }),
        Locked("ListCertificateAuthorities", List),
        Locked("UpdateCertificateAuthority", Update),
        Locked("DeleteCertificateAuthority", Delete),
        Locked("RestoreCertificateAuthority", Restore),
        Locked("ListTags", ListTags),
        Locked("TagCertificateAuthority", Tag),
        Locked("UntagCertificateAuthority", Untag),
    ];

    private JsonNode Create(ApiRequest request)
    {
        var configuration = request.Object("CertificateAuthorityConfiguration") ?? throw RequestMembers.Missing("certificateAuthorityConfiguration");
        var type = request.RequiredText("CertificateAuthorityType", Types);
        var key = configuration.Text("acm-pca", "KeyAlgorithm", KeyAlgorithms) ?? throw RequestMembers.Missing("keyAlgorithm");
        var algorithm = configuration.Text("acm-pca", "SigningAlgorithm", SigningAlgorithm.Rule) ?? throw RequestMembers.Missing("signingAlgorithm");
        SigningAlgorithm.CheckFamily(algorithm, key);
        _ = Subject.Read(configuration.Object("acm-pca", "Subject") ?? throw RequestMembers.Missing("subject"));
        if (configuration.ContainsKey("CsrExtensions"))
            throw PcaErrors.InvalidArgs("This cloud does not add CsrExtensions.");
        var mode = request.Text("UsageMode", Modes) ?? "GENERAL_PURPOSE";
        var storage = request.Text("KeyStorageSecurityStandard", Storages) ?? "FIPS_140_2_LEVEL_3_OR_HIGHER";
        var revocation = Revocation(request);
        var tags = AuthorityTags.Read(request);
        var now = time.GetUtcNow();
        var asked = request.Json.ToJsonString();
        var token = request.Text("IdempotencyToken", new MemberRule(1, 36));
        if (token is not null && _tokens.TryGetValue(token, out var known) && now - known.At < TimeSpan.FromMinutes(5))
        {
            return known.Request == asked
                ? new JsonObject { ["CertificateAuthorityArn"] = known.Arn }
                : throw PcaErrors.InvalidArgs("The idempotency token was used within the last five minutes for a request with other parameters.");
        }

        if (store.All.Count >= MostAuthorities)
            throw new ApiException(400, "LimitExceededException", $"The account has {MostAuthorities} certificate authorities, the most it can have.");
        var authority = store.Create(type, (JsonObject)configuration.DeepClone(), mode, storage);
        authority.Revocation = revocation;
        AuthorityTags.Add(authority, tags);
        if (token is not null)
            _tokens[token] = (now, asked, authority.Arn);
        return new JsonObject { ["CertificateAuthorityArn"] = authority.Arn };
    }

    private static JsonObject? Revocation(ApiRequest request)
    {
        if (request.Object("RevocationConfiguration") is not { } revocation)
            return null;
        if (revocation.Object("acm-pca", "CrlConfiguration") is { } crl && crl.Flag("acm-pca", "Enabled") == true && crl.Text("acm-pca", "S3BucketName") is null)
            throw PcaErrors.InvalidArgs("A CRL needs an S3BucketName.");
        return (JsonObject)revocation.DeepClone();
    }

    private JsonNode List(ApiRequest request)
    {
        var size = (int)(request.Number("MaxResults", 1, 1000) ?? 1000);
        var owner = request.Text("ResourceOwner", Owners);
        return Paging.Cut(
            "CertificateAuthorities", store.All.Values.Where(_ => owner != "OTHER_ACCOUNTS"), a => a.Arn, Show, size, ("NextToken", request.Text("NextToken")), "NextToken",
            name => new ApiException(400, "InvalidNextTokenException", $"The {name} is not one that this cloud gave."));
    }

    private JsonNode? Update(ApiRequest request)
    {
        var authority = Find(request);
        var now = time.GetUtcNow();
        var status = request.Text("Status", Statuses);
        var revocation = Revocation(request);
        if (status is not (null or "ACTIVE" or "DISABLED"))
            throw PcaErrors.InvalidArgs($"A certificate authority can be made ACTIVE or DISABLED, not {status}.");
        if (authority.StatusAt(now) is not ("ACTIVE" or "DISABLED") and var current)
            throw PcaErrors.InvalidState($"The certificate authority can't be updated while it is {current}.");
        authority.Revocation = revocation ?? authority.Revocation;
        if (status is not null && status != authority.Status)
            authority.Move(status, now);
        return null;
    }

    private JsonNode? Delete(ApiRequest request)
    {
        var days = request.Number("PermanentDeletionTimeInDays", 7, 30) ?? 30;
        var authority = Find(request);
        var now = time.GetUtcNow();
        if (authority.StatusAt(now) is ("ACTIVE" or "DELETED") and var status)
            throw PcaErrors.InvalidState($"The certificate authority is {status}; only one that is DISABLED, EXPIRED or without its certificate can be deleted.");
        authority.Move("DELETED", now);
        authority.RestorableUntil = now.AddDays(days);
        return null;
    }

    private JsonNode? Restore(ApiRequest request)
    {
        var authority = Find(request);
        if (authority.Status != "DELETED")
            throw PcaErrors.InvalidState($"The certificate authority is {authority.Status}, not DELETED.");
        authority.Move(authority.Certificate is null ? "PENDING_CERTIFICATE" : "DISABLED", time.GetUtcNow());
        authority.RestorableUntil = null;
        return null;
    }

    private JsonNode ListTags(ApiRequest request)
    {
        var authority = Find(request);
        return Paging.Cut(
            "Tags", authority.Tags, t => t.Key, AuthorityTags.Show, (int)(request.Number("MaxResults", 1, 1000) ?? 50), ("NextToken", request.Text("NextToken")), "NextToken",
            name => new ApiException(400, "InvalidNextTokenException", $"The {name} is not one that this cloud gave."));
    }

    private JsonNode? Tag(ApiRequest request)
    {
        AuthorityTags.Add(Find(request), AuthorityTags.Read(request));
        return null;
    }

    private JsonNode? Untag(ApiRequest request)
    {
        var authority = Find(request);
        foreach (var (key, value) in AuthorityTags.Read(request))
        {
            // With a value given, only the tag of that value goes.
            if (authority.Tags.TryGetValue(key, out var held) && (value is null || held == value))
                authority.Tags.Remove(key);
        }

        return null;
    }

    private JsonObject Show(CertificateAuthority authority)
    {
        var shown = new JsonObject
        {
            ["Arn"] = authority.Arn,
            ["OwnerAccount"] = CloudAccount.Local.Id,
            ["CreatedAt"] = Epoch(authority.Created),
            ["LastStateChangeAt"] = Epoch(authority.Changed),
            ["Type"] = authority.Type,
            ["Status"] = authority.StatusAt(time.GetUtcNow()),
            ["CertificateAuthorityConfiguration"] = authority.Configuration.DeepClone(),
            ["RevocationConfiguration"] = authority.Revocation?.DeepClone() ?? new JsonObject { ["CrlConfiguration"] = new JsonObject { ["Enabled"] = false } },
            ["KeyStorageSecurityStandard"] = authority.KeyStorage,
            ["UsageMode"] = authority.UsageMode,
        };
        if (authority.Certificate is { } certificate)
        {
            shown["Serial"] = certificate.SerialNumber.ToLowerInvariant();
            shown["NotBefore"] = Epoch(certificate.NotBefore.ToUniversalTime());
            shown["NotAfter"] = Epoch(certificate.NotAfter.ToUniversalTime());
        }

        if (authority.RestorableUntil is { } until)
            shown["RestorableUntil"] = Epoch(until);
        return shown;
    }

    private CertificateAuthority Find(ApiRequest request) => store.Find(request.RequiredText("CertificateAuthorityArn"));

    private ApiOperation Locked(string name, Func<ApiRequest, JsonNode?> answer) => ValidationErrors.Json("acm-pca", name, request =>
    {
        lock (store.Gate)
            return answer(request);
    });

    private static double Epoch(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds() / 1000.0;
}
