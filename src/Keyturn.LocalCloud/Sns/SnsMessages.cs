using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Sns;

/// <summary>What is posted to an HTTP(S) endpoint, and the headers that go with it.</summary>
internal sealed record Delivery(Subscription Subscription, string MessageId, string Type, string Body);

/// <summary>The JSON of SNS's HTTP messages.</summary>
internal sealed class SnsMessages(MessageSigner signer)
{
    public Delivery Confirmation(Subscription subscription, string signatureVersion, string apiUrl, DateTimeOffset now)
    {
        var id = Guid.NewGuid().ToString();
        var body = new JsonObject
        {
            ["Type"] = "SubscriptionConfirmation",
            ["MessageId"] = id,
            ["Token"] = subscription.Token,
            ["TopicArn"] = subscription.TopicArn,
            ["Message"] =
                $"You have chosen to subscribe to the topic {subscription.TopicArn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
            ["SubscribeURL"] = $"{apiUrl}/?Action=ConfirmSubscription&TopicArn={Uri.EscapeDataString(subscription.TopicArn)}&Token={subscription.Token}",
            ["Timestamp"] = Time(now),
        };
        signer.Sign(body, signatureVersion, apiUrl);
        return new Delivery(subscription, id, "SubscriptionConfirmation", body.ToJsonString());
    }

    public Delivery Notification(Subscription subscription, Notification notification, string signatureVersion, string apiUrl)
    {
        if (subscription.RawDelivery)
            return new Delivery(subscription, notification.MessageId, "Notification", notification.Message);
        var body = new JsonObject { ["Type"] = "Notification", ["MessageId"] = notification.MessageId, ["TopicArn"] = notification.TopicArn };
        if (notification.Subject is not null)
            body["Subject"] = notification.Subject;
        body["Message"] = notification.Message;
        body["Timestamp"] = Time(notification.Timestamp);
        signer.Sign(body, signatureVersion, apiUrl);
        body["UnsubscribeURL"] = $"{apiUrl}/?Action=Unsubscribe&SubscriptionArn={Uri.EscapeDataString(subscription.Arn)}";
        if (notification.Attributes.Count > 0)
        {
            body["MessageAttributes"] = new JsonObject(notification.Attributes.Select(a => KeyValuePair.Create(
                a.Key, (JsonNode?)new JsonObject { ["Type"] = a.Value.DataType, ["Value"] = a.Value.Value })));
        }

        return new Delivery(subscription, notification.MessageId, "Notification", body.ToJsonString());
    }

    private static string Time(DateTimeOffset moment) => moment.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", null);
}
