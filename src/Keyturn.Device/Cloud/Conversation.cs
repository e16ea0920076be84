using Keyturn.Device.Rotation;

namespace Keyturn.Device.Cloud;

/// <summary>One request that is said again until it is answered. Each time it carries a token of its own, and an answer to any of them counts.</summary>
internal sealed class Conversation(CloudRequest request)
{
    private readonly HashSet<string> _tokens = new(StringComparer.Ordinal);

    public CloudRequest Request { get; } = request;

    /// <summary>How often it was sent in this state.</summary>
    public int Sent { get; private set; }

    /// <summary>Refused answers do not end a conversation that the machine goes on with.</summary>
    public int Answered { get; private set; }

    /// <summary>How often it was sent since anything was last heard or the subscriptions were made anew.</summary>
    public int SentIntoSilence { get; set; }

    /// <summary>On the monotonic clock; when to send it next.</summary>
    public long Due { get; set; }

    public void WasSent(string token)
    {
        _tokens.Add(token);
        Sent++;
        SentIntoSilence++;
    }

    public void WasAnswered()
    {
        Answered++;
        SentIntoSilence = 0;
        Due = long.MaxValue;
    }

    /// <summary>The machine asks something else of the same kind: earlier answers no longer count, the backoff goes on.</summary>
    public Conversation ContinueWith(CloudRequest request) => new(request) { Sent = Sent, Answered = Sent };

    public bool Knows(string token) => _tokens.Contains(token);
}
