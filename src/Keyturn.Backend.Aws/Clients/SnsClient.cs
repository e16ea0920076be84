using System.Text;
using Amazon.Runtime;

namespace Keyturn.Backend.Aws.Clients;

/// <summary>Amazon SNS: publishing. The query protocol of the public API model of 2010-03-31.</summary>
public sealed class SnsClient : AwsServiceClient
{
    public SnsClient()
        : base(Settings())
    {
    }

    public SnsClient(AWSCredentials credentials, Uri endpoint, string region)
        : base(credentials, Settings().At(endpoint, region))
    {
    }

    /// <param name="subject">At most 100 printable ASCII characters.</param>
    /// <param name="attributes">Names and string values.</param>
    public Task PublishAsync(
        string topicArn, string subject, string message, IReadOnlyDictionary<string, string> attributes, CancellationToken cancellation)
    {
        var form = new StringBuilder("Action=Publish&Version=2010-03-31");
        Add("TopicArn", topicArn);
        Add("Subject", subject);
        Add("Message", message);
        var entry = 0;
        foreach (var (name, value) in attributes)
        {
            entry++;
            Add($"MessageAttributes.entry.{entry}.Name", name);
            Add($"MessageAttributes.entry.{entry}.Value.DataType", "String");
            Add($"MessageAttributes.entry.{entry}.Value.StringValue", value);
        }

        return CallAsync(
            new AwsRequest("Publish", "POST", "/") { Protocol = QueryProtocol.Instance }
                .Raw(Encoding.UTF8.GetBytes(form.ToString()), "application/x-www-form-urlencoded; charset=utf-8"),
            body => body,
            cancellation);

        void Add(string name, string value) => form.Append('&').Append(name).Append('=').Append(Uri.EscapeDataString(value));
    }

    private static AwsServiceConfig Settings() => new("SNS", "sns", "sns", "2010-03-31");
}
