namespace Keyturn.LocalCloud;

/// <summary>The one account and region that this cloud is.</summary>
internal sealed record CloudAccount(string Region = "us-east-1", string Id = "012345678901")
{
    public static CloudAccount Local { get; } = new();

    /// <param name="service">Its name in ARNs: iot, sns, lambda …</param>
    public string Arn(string service, string resource) => $"arn:aws:{service}:{Region}:{Id}:{resource}";

    /// <summary>For services without regions: IAM and STS.</summary>
    public string GlobalArn(string service, string resource) => $"arn:aws:{service}::{Id}:{resource}";
}
