using System.Text;
using System.Threading.Channels;

namespace Keyturn.LocalCloud.Sns;

/// <summary>Posts messages to HTTP(S) endpoints, in order, with a few retries.</summary>
internal sealed class HttpDelivery : IAsyncDisposable
{
    private const int Attempts = 4;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Channel<Delivery> _waiting = Channel.CreateUnbounded<Delivery>(new() { SingleReader = true });
    private readonly CancellationTokenSource _ending = new();
    // Straight to the endpoint that was checked when it subscribed: no proxy, and no redirect that leads elsewhere.
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private readonly Task _worker;

    public HttpDelivery(TimeProvider time, ILogger log)
    {
        (_time, _log) = (time, log);
        _worker = WorkAsync();
    }

    public void Enqueue(Delivery delivery) => _waiting.Writer.TryWrite(delivery);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _worker;
        _http.Dispose();
        _ending.Dispose();
    }

    private async Task WorkAsync()
    {
        try
        {
            await foreach (var delivery in _waiting.Reader.ReadAllAsync(_ending.Token))
            {
                for (var attempt = 1; await PostAsync(delivery) is { } reason; attempt++)
                {
                    if (attempt == Attempts)
                    {
                        _log.SnsRefused(delivery.Subscription.TopicArn, delivery.Subscription.Endpoint, delivery.MessageId, reason);
                        break;
                    }

                    await Task.Delay(Pause, _time, _ending.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The cloud ends.
        }
    }

    /// <returns>Null when taken, else why not.</returns>
    private async Task<string?> PostAsync(Delivery delivery)
    {
        using var patience = new CancellationTokenSource(Patience, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, _ending.Token);
        using var request = new HttpRequestMessage(HttpMethod.Post, delivery.Subscription.Endpoint)
        {
            Content = new StringContent(delivery.Body, Encoding.UTF8, "text/plain"),
        };
        request.Headers.Add("x-amz-sns-message-type", delivery.Type);
        request.Headers.Add("x-amz-sns-message-id", delivery.MessageId);
        request.Headers.Add("x-amz-sns-topic-arn", delivery.Subscription.TopicArn);
        request.Headers.TryAddWithoutValidation("User-Agent", "Amazon Simple Notification Service Agent");
        if (delivery.Subscription.RawDelivery && delivery.Type == "Notification")
            request.Headers.Add("x-amz-sns-rawdelivery", "true");
        if (delivery.Type == "Notification")
            request.Headers.Add("x-amz-sns-subscription-arn", delivery.Subscription.Arn);
        try
        {
            using var response = await _http.SendAsync(request, either.Token);
            return response.IsSuccessStatusCode ? null : $"status {(int)response.StatusCode}";
        }
        catch (HttpRequestException e)
        {
            return e.Message;
        }
        catch (OperationCanceledException) when (!_ending.IsCancellationRequested)
        {
            return $"no answer within {Patience.TotalSeconds} s";
        }
    }
}
