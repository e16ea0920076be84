namespace Greengrass.Ipc.EventStream;

/// <summary>One message of the event stream: headers in the order of the wire, and an opaque payload.</summary>
internal sealed record EventStreamMessage(IReadOnlyList<EventStreamHeader> Headers, ReadOnlyMemory<byte> Payload)
{
    /// <summary>The first header of that name, whatever its case. Null if there is none.</summary>
    public EventStreamHeader? Find(string name)
    {
        foreach (var header in Headers)
        {
            if (string.Equals(header.Name, name, StringComparison.OrdinalIgnoreCase))
                return header;
        }

        return null;
    }
}
