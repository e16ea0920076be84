namespace Keyturn.LocalCloud;

/// <summary>The one account and region that this cloud is.</summary>
internal sealed record CloudAccount(string Region = "us-east-1", string Id = "012345678901")
{
    /// <param name="service">Its name in ARNs: iot, sns, lambda …</param>
    public string Arn(string service, string resource) => $"arn:aws:{service}:{Region}:{Id}:{resource}";
}
