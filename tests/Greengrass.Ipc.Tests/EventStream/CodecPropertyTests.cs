using System.Buffers;
using CsCheck;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Tests.EventStream;

public sealed class CodecPropertyTests
{
    private static readonly Gen<byte[]> Blob = Gen.Byte.Array[0, 300];
    private static readonly Gen<string> Name = Gen.String[Gen.Char[' ', '~'], 1, 127];

    private static readonly Gen<EventStreamHeader> Header = Gen.OneOf(
        Gen.Select(Name, Gen.Bool, EventStreamHeader.Boolean),
        Gen.Select(Name, Gen.SByte, EventStreamHeader.Byte),
        Gen.Select(Name, Gen.Short, EventStreamHeader.Int16),
        Gen.Select(Name, Gen.Int, EventStreamHeader.Int32),
        Gen.Select(Name, Gen.Long, EventStreamHeader.Int64),
        Gen.Select(Name, Blob, (name, value) => EventStreamHeader.Bytes(name, value)),
        Gen.Select(Name, Gen.String[Gen.Char[' ', '\uD7FF'], 0, 100], EventStreamHeader.String),
        Gen.Select(Name, Gen.Long[0, 4_000_000_000_000], (name, ms) => EventStreamHeader.Timestamp(name, DateTimeOffset.FromUnixTimeMilliseconds(ms))),
        Gen.Select(Name, Gen.Guid, EventStreamHeader.Uuid));

    private static readonly Gen<EventStreamMessage> Message =
        Gen.Select(Header.Array[0, 20], Blob, (headers, payload) => new EventStreamMessage(headers, payload));

    [Fact]
    public void What_was_written_is_read_however_it_is_cut() =>
        Gen.Select(Message.Array[1, 4], Gen.Int[1, 64]).Sample((messages, chunk) =>
        {
            var output = new ArrayBufferWriter<byte>();
            foreach (var message in messages)
                EventStreamEncoder.Write(output, message);

            var buffer = Sequences.Of([.. output.WrittenSpan.ToArray().Chunk(chunk)]);
            foreach (var message in messages)
            {
                Assert.True(EventStreamDecoder.TryRead(ref buffer, EventStreamLimits.MaxMessageBytes, out var read));
                Assert.Equal(message.Headers, read.Headers);
                Assert.Equal(message.Payload.ToArray(), read.Payload.ToArray());
            }

            Assert.True(buffer.IsEmpty);
        }, iter: 2000);

    [Fact]
    public void Random_bytes_are_refused_or_wait_for_more_and_nothing_else() =>
        Gen.Byte.Array[0, 200].Sample(bytes => DecodesOrRefuses(bytes), iter: 20_000);

    /// <summary>Random headers behind good checksums: the fuzzer gets past the two gates that would stop it.</summary>
    [Fact]
    public void Random_headers_with_good_checksums_are_read_or_refused_and_nothing_else() =>
        Gen.Select(Gen.OneOf(Gen.Byte, Gen.Byte[0, 12]).Array[0, 80], Blob).Sample((headers, payload) => DecodesOrRefuses(Frames.Frame(headers, payload)), iter: 50_000);

    [Fact]
    public void A_good_message_with_bytes_changed_and_checksums_repaired_is_read_or_refused_and_nothing_else() =>
        Gen.Select(Message, Gen.Select(Gen.Int[0, 1000], Gen.Byte).Array[1, 5]).Sample((message, changes) =>
        {
            var output = new ArrayBufferWriter<byte>();
            EventStreamEncoder.Write(output, message);
            var body = output.WrittenSpan[12..^4].ToArray();
            var headersLength = output.WrittenCount - 16 - message.Payload.Length;
            foreach (var (position, value) in changes)
            {
                if (body.Length > 0)
                    body[position % body.Length] = value;
            }

            DecodesOrRefuses(Frames.Frame(body[..headersLength], body[headersLength..]));
        }, iter: 10_000);

    private static void DecodesOrRefuses(byte[] bytes)
    {
        var buffer = new ReadOnlySequence<byte>(bytes);
        try
        {
            while (EventStreamDecoder.TryRead(ref buffer, EventStreamLimits.MaxMessageBytes, out var message))
            {
                // What was accepted can be written again.
                EventStreamEncoder.Write(new ArrayBufferWriter<byte>(), message);
            }
        }
        catch (EventStreamException)
        {
            // Refused.
        }
    }
}
