using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sqs;

/// <summary>The SQS API for standard queues. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/</summary>
internal sealed partial class SqsOperations(QueueStore queues, TimeProvider time)
{
    private const int MaxMessage = 256 * 1024;
    private static readonly TimeSpan PollEvery = TimeSpan.FromMilliseconds(50);

    public IEnumerable<ApiOperation> All =>
    [
        Operation("CreateQueue", Create),
        Operation("DeleteQueue", Delete),
        Operation("GetQueueUrl", r => new JsonObject { ["QueueUrl"] = queues.Url(FindByName(r).Name) }),
        Operation("ListQueues", List),
        Operation("GetQueueAttributes", r => QueueAttributes.Show(Find(r), r, time.GetUtcNow())),
        Operation("SetQueueAttributes", SetAttributes),
        Operation("SendMessage", Send),
        new("sqs", "ReceiveMessage", "POST", "ReceiveMessage", ReceiveAsync),
        Operation("DeleteMessage", DeleteMessage),
        Operation("ChangeMessageVisibility", Hide),
        Operation("PurgeQueue", Purge),
    ];

    private static ApiOperation Operation(string name, Func<SqsRequest, JsonObject?> answer) => new("sqs", name, "POST", name, (request, _) =>
    {
        var asked = new SqsRequest(request);
        // The query protocol has no result for an operation that gives nothing back; JSON an empty object.
        return ValueTask.FromResult(new ApiResponse(Json: answer(asked) ?? (asked.IsJson ? new JsonObject() : null)));
    });

    private JsonObject Create(SqsRequest request)
    {
        var name = request.Required("QueueName");
        if (name.EndsWith(".fifo", StringComparison.Ordinal))
            throw SqsErrors.Unsupported("This cloud has standard queues only.");
        if (!QueueName().IsMatch(name))
            throw SqsErrors.Invalid("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
        request.CheckTags();
        var attributes = request.Attributes();
        QueueAttributes.Check(attributes);
        var known = queues.Find(name);
        if (known is not null && attributes.Any(a => QueueAttributes.Value(known, a.Key) != a.Value))
            throw new ApiException(400, "QueueNameExists", "A queue already exists with the same name and a different value for an attribute.");
        var queue = known ?? queues.Add(name);
        foreach (var (key, value) in attributes)
            queue.Attributes[key] = value;
        return new JsonObject { ["QueueUrl"] = queues.Url(name) };
    }

    private JsonObject? Delete(SqsRequest request)
    {
        queues.Remove(Find(request).Name);
        return null;
    }

    private JsonObject List(SqsRequest request)
    {
        var prefix = request.Text("QueueNamePrefix") ?? "";
        var page = Paging.Cut(
            "QueueUrls", queues.Names.Where(n => n.StartsWith(prefix, StringComparison.Ordinal)), n => n, n => queues.Url(n),
            request.Number("MaxResults", 1, 1000) ?? 1000, ("NextToken", request.Text("NextToken")), "NextToken", _ => SqsErrors.Invalid("Invalid NextToken value."));
        if (request.IsJson)
            return page;
        var urls = page["QueueUrls"];
        page.Remove("QueueUrls");
        page.Insert(0, "QueueUrl", urls);
        return page;
    }

    private JsonObject? SetAttributes(SqsRequest request)
    {
        var queue = Find(request);
        var attributes = request.Attributes();
        QueueAttributes.Check(attributes);
        foreach (var (key, value) in attributes)
            queue.Attributes[key] = value;
        return null;
    }

    private JsonObject Send(SqsRequest request)
    {
        var queue = Find(request);
        var body = request.Required("MessageBody");
        if (request.Has("MessageAttributes", "MessageAttribute"))
            throw SqsErrors.Unsupported("This cloud's messages have no attributes.");
        if (Encoding.UTF8.GetByteCount(body) > MaxMessage)
            throw SqsErrors.Invalid($"One or more parameters are invalid. Reason: Message must be shorter than {MaxMessage} bytes.");
        if (body.Any(c => c < ' ' && c is not ('\t' or '\n' or '\r')) || body.AsSpan().ContainsAny('\uFFFE', '\uFFFF'))
            throw new ApiException(400, "InvalidMessageContents", "The message contains characters outside the allowed set.");
        var delay = request.Number("DelaySeconds", 0, 900) is { } seconds ? TimeSpan.FromSeconds(seconds) : queue.Setting("DelaySeconds", 0);
        var sent = queue.Send(body, delay, time.GetUtcNow());
        return new JsonObject { ["MessageId"] = sent.Id, ["MD5OfMessageBody"] = Md5(body) };
    }

    private async ValueTask<ApiResponse> ReceiveAsync(ApiRequest raw, CancellationToken cancellation)
    {
        var request = new SqsRequest(raw);
        var queue = Find(request);
        var most = request.Number("MaxNumberOfMessages", 1, 10) ?? 1;
        var hidden = request.Number("VisibilityTimeout", 0, 43_200) is { } seconds ? TimeSpan.FromSeconds(seconds) : queue.Setting("VisibilityTimeout", 30);
        var wait = request.Number("WaitTimeSeconds", 0, 20) is { } given ? TimeSpan.FromSeconds(given) : queue.Setting("ReceiveMessageWaitTimeSeconds", 0);
        var names = request.AttributeNames("AttributeNames", "MessageSystemAttributeNames");
        var until = time.GetUtcNow() + wait;
        IReadOnlyList<QueuedMessage> taken;
        while ((taken = queue.Receive(most, hidden, time.GetUtcNow())).Count == 0 && time.GetUtcNow() < until)
            await Task.Delay(PollEvery, time, cancellation);
        var messages = new JsonArray([.. taken.Select(m => Show(m, names, request.IsJson))]);
        return new ApiResponse(Json: taken.Count == 0 && request.IsJson ? [] : new JsonObject { [request.IsJson ? "Messages" : "Message"] = messages });
    }

    private JsonObject? DeleteMessage(SqsRequest request)
    {
        var queue = Find(request);
        // A handle whose message is gone already is no error; text that is no handle is one.
        var handle = request.Required("ReceiptHandle");
        if (!queue.Delete(handle) && !System.Buffers.Text.Base64.IsValid(handle))
            throw new ApiException(400, "ReceiptHandleIsInvalid", $"The input receipt handle \"{handle}\" is not a valid receipt handle.");
        return null;
    }

    private JsonObject? Hide(SqsRequest request)
    {
        var queue = Find(request);
        var handle = request.Required("ReceiptHandle");
        var seconds = request.Number("VisibilityTimeout", 0, 43_200) ?? throw SqsErrors.Missing("VisibilityTimeout");
        return queue.Hide(handle, TimeSpan.FromSeconds(seconds), time.GetUtcNow()) switch
        {
            true => null,
            false => throw new ApiException(400, "MessageNotInflight", "The message referred to is not in flight."),
            null => throw new ApiException(400, "ReceiptHandleIsInvalid", $"The input receipt handle \"{handle}\" is not a valid receipt handle."),
        };
    }

    private JsonObject? Purge(SqsRequest request)
    {
        var queue = Find(request);
        var now = time.GetUtcNow();
        if (now - queue.Purged < TimeSpan.FromSeconds(60))
            throw new ApiException(403, "PurgeQueueInProgress", $"Only one PurgeQueue operation on {queue.Name} is allowed every 60 seconds.");
        queue.Purge(now);
        return null;
    }

    private static JsonObject Show(QueuedMessage message, IReadOnlyList<string> names, bool json)
    {
        var shown = new JsonObject
        {
            ["MessageId"] = message.Id, ["ReceiptHandle"] = message.ReceiptHandle, ["MD5OfBody"] = Md5(message.Body), ["Body"] = message.Body,
        };
        KeyValuePair<string, string>[] attributes =
        [
            new("SenderId", "AIDATEST"),
            new("SentTimestamp", Milliseconds(message.Sent)),
            new("ApproximateReceiveCount", message.Receives.ToString(CultureInfo.InvariantCulture)),
            new("ApproximateFirstReceiveTimestamp", Milliseconds(message.FirstReceived!.Value)),
        ];
        QueueAttributes.Put(shown, attributes.Where(a => names.Contains("All") || names.Contains(a.Key)), json);
        return shown;
    }

    private MessageQueue Find(SqsRequest request) => queues.Find(request.Required("QueueUrl")) ?? throw SqsErrors.NoQueue();

    private MessageQueue FindByName(SqsRequest request) => queues.Find(request.Required("QueueName")) ?? throw SqsErrors.NoQueue();

    private static string Milliseconds(DateTimeOffset moment) => moment.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    // The API's own checksum, not a protection.
#pragma warning disable CA5351
    private static string Md5(string text) => Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(text)));
#pragma warning restore CA5351

    [GeneratedRegex(@"\A[a-zA-Z0-9_-]{1,80}\z")]
    private static partial Regex QueueName();
}
