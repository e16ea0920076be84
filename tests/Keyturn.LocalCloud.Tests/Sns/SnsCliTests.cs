using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Sns;

public sealed class SnsCliTests(LocalCloudProcess cloud)
{
    [Fact]
    public async Task A_subscriber_confirms_by_the_url_it_is_sent_and_then_gets_signed_notifications()
    {
        using var receiver = new Receiver();
        using var http = new HttpClient();
        var topic = (string)(await Aws("create-topic", "--name", "cli-subscribed"))["TopicArn"]!;
        Assert.Equal("pending confirmation", (string)(await Aws("subscribe", "--topic-arn", topic, "--protocol", "http", "--notification-endpoint", receiver.Url))["SubscriptionArn"]!);

        var (confirmation, type, agent) = await receiver.NextAsync();
        Assert.Equal(("SubscriptionConfirmation", "Amazon Simple Notification Service Agent"), (type, agent));
        await AssertSignedAsync(http, confirmation, ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]);
        Assert.Contains(topic, await http.GetStringAsync((string)confirmation["SubscribeURL"]!), StringComparison.Ordinal);

        await Aws("publish", "--topic-arn", topic, "--subject", "Rotation failed", "--message", "pump1 \"ünïcode\"\nsecond line");
        var (notification, _, _) = await receiver.NextAsync();
        Assert.Equal("Notification", (string)notification["Type"]!);
        Assert.Equal("pump1 \"ünïcode\"\nsecond line", (string)notification["Message"]!);
        await AssertSignedAsync(http, notification, ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]);

        await Aws("set-topic-attributes", "--topic-arn", topic, "--attribute-name", "SignatureVersion", "--attribute-value", "2");
        await Aws("publish", "--topic-arn", topic, "--message", "no subject");
        var (second, _, _) = await receiver.NextAsync();
        Assert.Equal("2", (string)second["SignatureVersion"]!);
        await AssertSignedAsync(http, second, ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]);

        using var gone = await http.GetAsync((string)second["UnsubscribeURL"]!);
        Assert.Equal(HttpStatusCode.OK, gone.StatusCode);
        Assert.Empty((await Aws("list-subscriptions-by-topic", "--topic-arn", topic))["Subscriptions"]!.AsArray());
        await Aws("delete-topic", "--topic-arn", topic);
        Assert.Equal("NotFound", await Refused("get-topic-attributes", "--topic-arn", topic));
    }

    [Fact]
    public async Task A_wrong_token_and_a_url_that_is_not_of_a_message_are_refused()
    {
        using var http = new HttpClient();
        var topic = (string)(await Aws("create-topic", "--name", "cli-token"))["TopicArn"]!;

        using var wrong = await http.GetAsync($"{cloud.Api}/?Action=ConfirmSubscription&TopicArn={topic}&Token=nope");
        using var publish = await http.GetAsync($"{cloud.Api}/?Action=Publish&TopicArn={topic}&Message=x");

        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
        Assert.Contains("<Code>InvalidParameter</Code>", await wrong.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Forbidden, publish.StatusCode);
    }

    [Theory]
    [InlineData("http://192.0.2.1/hook")]
    [InlineData("http://example.com/")]
    [InlineData("https://127.0.0.1/")]
    [InlineData("nonsense")]
    public async Task Only_endpoints_on_this_machine_are_taken(string endpoint)
    {
        var topic = (string)(await Aws("create-topic", "--name", "cli-loopback"))["TopicArn"]!;

        Assert.Equal("InvalidParameter", await Refused("subscribe", "--topic-arn", topic, "--protocol", "http", "--notification-endpoint", endpoint));
    }

    [Fact]
    public async Task What_is_published_is_shown_on_the_management_port()
    {
        using var http = new HttpClient();
        var topic = (string)(await Aws("create-topic", "--name", "cli-log"))["TopicArn"]!;
        await Aws("publish", "--topic-arn", topic, "--subject", "s", "--message", "m", "--message-attributes", """{"thing":{"DataType":"String","StringValue":"pump1"}}""");

        var shown = JsonNode.Parse(await http.GetStringAsync(cloud.Management + "/notifications"))!.AsArray().Single(n => (string)n!["topicArn"]! == topic)!;

        Assert.Equal(("s", "m", "pump1"), ((string)shown["subject"]!, (string)shown["message"]!, (string)shown["attributes"]!["thing"]!));
    }

    [Theory]
    [InlineData("--subject", "two\nlines")]
    [InlineData("--subject", "ü")]
    [InlineData("--message", "")]
    [InlineData("--message-structure", "xml")]
    [InlineData("--message-structure", "json")]
    public async Task A_bad_message_is_refused(string option, string value)
    {
        var topic = (string)(await Aws("create-topic", "--name", "cli-bad"))["TopicArn"]!;
        string[] message = option == "--message" ? [] : ["--message", "not json"];

        Assert.Equal("InvalidParameter", await Refused(["publish", "--topic-arn", topic, .. message, option, value]));
    }

    [Fact]
    public async Task A_subscription_is_confirmed_by_its_token_changed_listed_and_ended()
    {
        using var receiver = new Receiver();
        var topic = (string)(await Aws("create-topic", "--name", "cli-by-token"))["TopicArn"]!;
        Assert.Contains(topic, (await Aws("list-topics"))["Topics"]!.AsArray().Select(t => (string)t!["TopicArn"]!));
        await Aws("subscribe", "--topic-arn", topic, "--protocol", "http", "--notification-endpoint", receiver.Url);
        var (confirmation, _, _) = await receiver.NextAsync();
        Assert.Equal("InvalidParameter", await Refused("confirm-subscription", "--topic-arn", topic, "--token", "nope"));
        var arn = (string)(await Aws("confirm-subscription", "--topic-arn", topic, "--token", (string)confirmation["Token"]!))["SubscriptionArn"]!;

        await Aws("set-subscription-attributes", "--subscription-arn", arn, "--attribute-name", "RawMessageDelivery", "--attribute-value", "true");
        var attributes = (await Aws("get-subscription-attributes", "--subscription-arn", arn))["Attributes"]!;
        Assert.Equal(("true", topic, receiver.Url), ((string)attributes["RawMessageDelivery"]!, (string)attributes["TopicArn"]!, (string)attributes["Endpoint"]!));
        Assert.Contains(arn, (await Aws("list-subscriptions"))["Subscriptions"]!.AsArray().Select(s => (string)s!["SubscriptionArn"]!));
        await Aws("unsubscribe", "--subscription-arn", arn);
        Assert.Equal("NotFound", await Refused("get-subscription-attributes", "--subscription-arn", arn));
    }

    private static async Task AssertSignedAsync(HttpClient http, JsonNode message, string[] names)
    {
        using var certificate = X509Certificate2.CreateFromPem(await http.GetStringAsync((string)message["SigningCertURL"]!));
        using var key = certificate.GetRSAPublicKey()!;
        var text = string.Concat(names.Select(n => $"{n}\n{(string)message[n]!}\n"));
        var hash = (string)message["SignatureVersion"]! == "2" ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1;
        Assert.True(key.VerifyData(Encoding.UTF8.GetBytes(text), Convert.FromBase64String((string)message["Signature"]!), hash, RSASignaturePadding.Pkcs1));
    }

    private Task<JsonNode> Aws(params string[] arguments) => cloud.Aws.RunAsync(["sns", .. arguments]);

    private Task<string> Refused(params string[] arguments) => cloud.Aws.RefusedAsync(["sns", .. arguments]);
}
