using MQTTnet.Protocol;

namespace Keyturn.LocalCore.Mqtt;

internal sealed record Spooled(string Topic, byte[] Payload, MqttQualityOfServiceLevel Qos)
{
    public int Attempts { get; init; }
}

/// <summary>What components have published and AWS IoT has not got yet, in memory, oldest first.</summary>
internal sealed class Spool(int maxBytes) : IDisposable
{
    private readonly LinkedList<Spooled> queue = [];
    private readonly SemaphoreSlim filled = new(0);
    private int bytes;

    public void Dispose() => filled.Dispose();

    public void Add(Spooled message)
    {
        lock (queue)
        {
            if (message.Payload.Length + bytes > maxBytes)
                throw new MqttRequestException("Message spool is full. Message could not be added.");
            bytes += message.Payload.Length;
            queue.AddLast(message);
        }
        filled.Release();
    }

    public async Task<Spooled> TakeAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await filled.WaitAsync(cancellation).ConfigureAwait(false);
            lock (queue)
            {
                // Messages dropped since leave permits behind.
                if (queue.First is not { } first)
                    continue;
                queue.RemoveFirst();
                bytes -= first.Value.Payload.Length;
                return first.Value;
            }
        }
    }

    public void PutBack(Spooled message)
    {
        lock (queue)
        {
            bytes += message.Payload.Length;
            queue.AddFirst(message);
        }
        filled.Release();
    }

    public void DropQos0()
    {
        lock (queue)
        {
            foreach (var message in queue.Where(m => m.Qos == MqttQualityOfServiceLevel.AtMostOnce).ToList())
            {
                queue.Remove(message);
                bytes -= message.Payload.Length;
            }
        }
    }
}
