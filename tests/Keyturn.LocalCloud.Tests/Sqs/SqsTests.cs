using Amazon.Runtime;
using Amazon.SQS;
using Amazon.SQS.Model;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Sqs;

/// <summary>Debian's CLI speaks the query protocol of SQS, the SDK for .NET its JSON.</summary>
public sealed class SqsTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task A_message_is_sent_received_hidden_and_deleted()
    {
        var url = await QueueAsync("--attributes", "VisibilityTimeout=60");
        var sent = await Aws("send-message", "--queue-url", url, "--message-body", "hello & <welcome>");
        var received = (await Aws("receive-message", "--queue-url", url, "--attribute-names", "All"))["Messages"]!.AsArray().Single()!;
        Assert.Equal((sent["MessageId"]!.ToString(), "hello & <welcome>"), (received["MessageId"]!.ToString(), received["Body"]!.ToString()));
        Assert.Equal("1", received["Attributes"]!["ApproximateReceiveCount"]!.ToString());
        Assert.Null((await Aws("receive-message", "--queue-url", url))["Messages"]);

        string[] handle = ["--queue-url", url, "--receipt-handle", received["ReceiptHandle"]!.ToString()];
        await Aws(["change-message-visibility", .. handle, "--visibility-timeout", "0"]);
        Assert.Equal("AWS.SimpleQueueService.MessageNotInflight", await Refused(["change-message-visibility", .. handle, "--visibility-timeout", "0"]));
        var again = (await Aws("receive-message", "--queue-url", url))["Messages"]![0]!["ReceiptHandle"]!.ToString();
        await Aws("delete-message", "--queue-url", url, "--receipt-handle", again);
        var counted = (await Aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All"))["Attributes"]!;
        Assert.Equal(("0", "0", "60"), (
            counted["ApproximateNumberOfMessages"]!.ToString(), counted["ApproximateNumberOfMessagesNotVisible"]!.ToString(), counted["VisibilityTimeout"]!.ToString()));
    }

    [Fact]
    public async Task Queues_are_made_listed_changed_purged_and_deleted()
    {
        var url = await QueueAsync();
        var name = url[(url.LastIndexOf('/') + 1)..];
        Assert.Equal(url, (await Aws("get-queue-url", "--queue-name", name))["QueueUrl"]!.ToString());
        Assert.Equal(url, (await Aws("list-queues", "--queue-name-prefix", name))["QueueUrls"]!.AsArray().Single()!.ToString());
        await Aws("set-queue-attributes", "--queue-url", url, "--attributes", "DelaySeconds=900");
        await Aws("send-message", "--queue-url", url, "--message-body", "later");
        Assert.Equal("1", (await Aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "ApproximateNumberOfMessagesDelayed"))["Attributes"]!["ApproximateNumberOfMessagesDelayed"]!.ToString());
        Assert.Equal("QueueAlreadyExists", await Refused("create-queue", "--queue-name", name, "--attributes", "DelaySeconds=1"));
        await Aws("purge-queue", "--queue-url", url);
        Assert.Equal("AWS.SimpleQueueService.PurgeQueueInProgress", await Refused("purge-queue", "--queue-url", url));
        await Aws("delete-queue", "--queue-url", url);
        Assert.Equal("AWS.SimpleQueueService.NonExistentQueue", await Refused("get-queue-url", "--queue-name", name));
    }

    [Fact]
    public async Task What_SQS_refuses_is_refused()
    {
        var url = await QueueAsync();
        Assert.Equal("InvalidParameterValue", await Refused("create-queue", "--queue-name", "no spaces"));
        Assert.Equal("AWS.SimpleQueueService.UnsupportedOperation", await Refused("create-queue", "--queue-name", "x.fifo"));
        Assert.Equal("InvalidAttributeName", await Refused("create-queue", "--queue-name", "x", "--attributes", "Colour=1"));
        Assert.Equal("InvalidAttributeValue", await Refused("set-queue-attributes", "--queue-url", url, "--attributes", "DelaySeconds=901"));
        Assert.Equal("InvalidParameterValue", await Refused("receive-message", "--queue-url", url, "--max-number-of-messages", "11"));
        Assert.Equal("InvalidMessageContents", await Refused("send-message", "--queue-url", url, "--message-body", "\u0001"));
        Assert.Equal("ReceiptHandleIsInvalid", await Refused("delete-message", "--queue-url", url, "--receipt-handle", "!"));
        Assert.Equal("AWS.SimpleQueueService.NonExistentQueue", await Refused("send-message", "--queue-url", url + "x", "--message-body", "x"));
    }

    [Fact]
    public async Task The_SDK_for_dotnet_sends_JSON_and_understands_the_answers()
    {
        using var sqs = new AmazonSQSClient(new BasicAWSCredentials("test", "test"), new AmazonSQSConfig { ServiceURL = cloud.Api, AuthenticationRegion = "us-east-1", MaxErrorRetry = 0 });
        var url = (await sqs.CreateQueueAsync($"queue-{Guid.NewGuid():N}")).QueueUrl;
        // The SDK compares the checksums itself.
        await sqs.SendMessageAsync(url, "by JSON");
        var received = await sqs.ReceiveMessageAsync(new ReceiveMessageRequest { QueueUrl = url, MaxNumberOfMessages = 10, MessageSystemAttributeNames = ["SentTimestamp"] });
        var message = Assert.Single(received.Messages);
        Assert.Equal("by JSON", message.Body);
        Assert.Contains("SentTimestamp", message.Attributes.Keys);
        await sqs.DeleteMessageAsync(url, message.ReceiptHandle);
        Assert.Equal(0, (await sqs.GetQueueAttributesAsync(url, ["All"])).ApproximateNumberOfMessages);
        Assert.Contains(url, (await sqs.ListQueuesAsync("queue-")).QueueUrls);
        await Assert.ThrowsAsync<QueueDoesNotExistException>(() => sqs.GetQueueUrlAsync("none"));
        await Assert.ThrowsAsync<ReceiptHandleIsInvalidException>(() => sqs.DeleteMessageAsync(url, "!"));
    }

    private async Task<string> QueueAsync(params string[] more) =>
        (await Aws(["create-queue", "--queue-name", $"queue-{Guid.NewGuid():N}", .. more]))["QueueUrl"]!.ToString();

    private Task<System.Text.Json.Nodes.JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["sqs", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["sqs", .. arguments]);
}
