using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.Iam;
using Keyturn.LocalCloud.S3;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>Objects in S3 as far as whoever makes a component of them may read them: the service reads in its caller's name.</summary>
internal sealed class Artifacts(BucketStore buckets, AccessKeys keys, RoleStore roles)
{
    /// <returns>Null when there is no such object, or not for this caller.</returns>
    public ReadOnlyMemory<byte>? Read(ApiCaller caller, string bucket, string key) =>
        MayRead(caller, $"arn:aws:s3:::{bucket}/{key}") ? buckets.Read(bucket, key) : null;

    private bool MayRead(ApiCaller caller, string arn) =>
        caller.AccessKeyId is { } id && keys.Find(id) is { } key
        && (key.RoleName is not { } role || roles.Find(role)?.May(new IamRequest("s3:GetObject", arn)) == true);
}
