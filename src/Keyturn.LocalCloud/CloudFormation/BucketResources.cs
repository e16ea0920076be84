using Keyturn.LocalCloud.S3;

namespace Keyturn.LocalCloud.CloudFormation;

/// <summary>Buckets, empty as a new one is.</summary>
internal sealed class BucketResources(BucketStore store)
{
    public IEnumerable<KeyValuePair<string, ResourceFactory>> Types => [new("AWS::S3::Bucket", Bucket), new("AWS::S3::BucketPolicy", Policy)];

    private CreatedResource Bucket(ResourceProperties properties, string physicalName)
    {
        properties.PassOver(
            "AccelerateConfiguration", "BucketEncryption", "LifecycleConfiguration", "LoggingConfiguration", "ObjectLockEnabled", "OwnershipControls",
            "PublicAccessBlockConfiguration", "Tags", "VersioningConfiguration");
        var name = properties.Text("BucketName") ?? physicalName.ToLowerInvariant();
        lock (store.Gate)
        {
            if (!store.Buckets.TryAdd(name, new Bucket(name, store.Now)))
                throw new StackException($"{properties.Path}: there is a bucket {name} already");
        }

        return new CreatedResource(name, new Dictionary<string, string>
        {
            ["Arn"] = $"arn:aws:s3:::{name}",
            ["DomainName"] = $"{name}.s3.amazonaws.com",
            ["RegionalDomainName"] = $"{name}.s3.{CloudAccount.Local.Region}.amazonaws.com",
        });
    }

    private static CreatedResource Policy(ResourceProperties properties, string physicalName)
    {
        properties.Required("Bucket");
        Iam.IamPolicy.Parse(properties.Json("PolicyDocument"));
        return new CreatedResource(physicalName, new Dictionary<string, string>());
    }
}
