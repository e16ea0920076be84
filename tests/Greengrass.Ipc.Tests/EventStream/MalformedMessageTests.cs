using System.Buffers;
using System.Buffers.Binary;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Tests.EventStream;

public sealed class MalformedMessageTests
{
    private const int Limit = EventStreamLimits.MaxMessageBytes;

    [Fact]
    public void A_flipped_bit_anywhere_is_refused()
    {
        var good = Convert.FromHexString(CodecVectorTests.Vectors["handshake"].Hex);
        for (var bit = 0; bit < good.Length * 8; bit++)
        {
            var bytes = good.ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            var expected = bit / 8 < 12 ? EventStreamError.PreludeChecksum : EventStreamError.MessageChecksum;
            Assert.Equal(expected, ErrorOf(bytes));
        }
    }

    [Theory]
    [InlineData(0u, 0u, EventStreamError.MessageTooShort)]
    [InlineData(15u, 0u, EventStreamError.MessageTooShort)]
    [InlineData(16u, 1u, EventStreamError.HeadersLength)]
    [InlineData(100u, 85u, EventStreamError.HeadersLength)]
    [InlineData(100u, uint.MaxValue, EventStreamError.HeadersLength)]
    [InlineData(Limit + 1u, 0u, EventStreamError.MessageTooLong)]
    [InlineData(0x80000000u, 0u, EventStreamError.MessageTooLong)]
    [InlineData(uint.MaxValue, uint.MaxValue, EventStreamError.MessageTooLong)]
    internal void Impossible_lengths_are_refused_by_the_prelude_alone(uint total, uint headers, EventStreamError expected) =>
        Assert.Equal(expected, ErrorOf(Prelude(total, headers)));

    [Fact]
    public void A_length_up_to_the_limit_is_waited_for_without_allocating_it()
    {
        var prelude = Prelude(Limit, 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var buffer = new ReadOnlySequence<byte>(prelude);
        Assert.False(EventStreamDecoder.TryRead(ref buffer, Limit, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Limit / 10);
    }

    [Fact]
    public void A_limit_of_the_connection_is_kept_to_the_byte()
    {
        var bytes = Frames.Frame([], new byte[84]);
        var buffer = new ReadOnlySequence<byte>(bytes);
        Assert.True(EventStreamDecoder.TryRead(ref buffer, 100, out _));
        Assert.Equal(EventStreamError.MessageTooLong, ErrorOf(bytes, 99));
    }

    public static TheoryData<string, byte[], int> BadHeaders => new()
    {
        { "type 10", [1, (byte)'a', 10], (int)EventStreamError.HeaderType },
        { "type 255", [1, (byte)'a', 255], (int)EventStreamError.HeaderType },
        { "empty name", [0, 0], (int)EventStreamError.HeaderName },
        { "name of 128 bytes", [128, .. Enumerable.Repeat((byte)'a', 128), 0], (int)EventStreamError.HeaderName },
        { "name that is not UTF-8", [1, 0xFF, 0], (int)EventStreamError.HeaderName },
        { "name beyond the end", [5, (byte)'a'], (int)EventStreamError.HeaderValue },
        { "no type", [1, (byte)'a'], (int)EventStreamError.HeaderValue },
        { "byte without value", [1, (byte)'a', 2], (int)EventStreamError.HeaderValue },
        { "int16 of one byte", [1, (byte)'a', 3, 0], (int)EventStreamError.HeaderValue },
        { "int32 of three bytes", [1, (byte)'a', 4, 0, 0, 0], (int)EventStreamError.HeaderValue },
        { "int64 of seven bytes", [1, (byte)'a', 5, 0, 0, 0, 0, 0, 0, 0], (int)EventStreamError.HeaderValue },
        { "timestamp of seven bytes", [1, (byte)'a', 8, 0, 0, 0, 0, 0, 0, 0], (int)EventStreamError.HeaderValue },
        { "uuid of 15 bytes", [1, (byte)'a', 9, .. new byte[15]], (int)EventStreamError.HeaderValue },
        { "bytes with half a length", [1, (byte)'a', 6, 0], (int)EventStreamError.HeaderValue },
        { "bytes shorter than their length", [1, (byte)'a', 6, 0, 3, 1, 2], (int)EventStreamError.HeaderValue },
        { "string shorter than its length", [1, (byte)'a', 7, 0xFF, 0xFF, (byte)'x'], (int)EventStreamError.HeaderValue },
        { "string that is not UTF-8", [1, (byte)'a', 7, 0, 2, 0xC3, 0x28], (int)EventStreamError.HeaderValue },
        { "value of 32,768 bytes", [1, (byte)'a', 6, 0x80, 0, .. new byte[32768]], (int)EventStreamError.HeaderValue },
        { "1,025 headers", [.. Enumerable.Repeat(new byte[] { 1, (byte)'a', 0 }, 1025).SelectMany(h => h)], (int)EventStreamError.TooManyHeaders },
    };

    [Theory, MemberData(nameof(BadHeaders))]
    public void Bad_headers_with_good_checksums_are_refused(string why, byte[] headers, int expected)
    {
        Assert.NotEmpty(why);
        Assert.Equal((EventStreamError)expected, ErrorOf(Frames.Frame(headers, [])));
    }

    [Fact]
    public void The_largest_headers_allowed_are_read()
    {
        byte[] many = [.. Enumerable.Repeat(new byte[] { 1, (byte)'a', 0 }, 1024).SelectMany(h => h)];
        byte[] large = [127, .. Enumerable.Repeat((byte)'n', 127), 6, 0x7F, 0xFF, .. new byte[32767]];
        var buffer = Sequences.Of(Frames.Frame(many, []), Frames.Frame(large, []));

        Assert.True(EventStreamDecoder.TryRead(ref buffer, Limit, out var first));
        Assert.True(EventStreamDecoder.TryRead(ref buffer, Limit, out var second));

        Assert.Equal(1024, first.Headers.Count);
        Assert.Equal(32767, second.Headers[0].Value.Length);
    }

    [Fact]
    public void Nothing_that_a_reader_would_refuse_is_written()
    {
        Assert.Equal(EventStreamError.HeaderName, WriteErrorOf(EventStreamHeader.Boolean("", true)));
        Assert.Equal(EventStreamError.HeaderName, WriteErrorOf(EventStreamHeader.Boolean(new string('n', 128), true)));
        Assert.Equal(EventStreamError.HeaderValue, WriteErrorOf(EventStreamHeader.String("a", new string('v', 32768))));
        Assert.Equal(EventStreamError.HeaderValue, WriteErrorOf(new EventStreamHeader("a", HeaderType.Int32, new byte[3])));
        Assert.Equal(EventStreamError.HeaderType, WriteErrorOf(new EventStreamHeader("a", (HeaderType)10, default)));
        Assert.Equal(EventStreamError.TooManyHeaders, WriteErrorOf([.. Enumerable.Repeat(EventStreamHeader.Boolean("a", true), 1025)]));
    }

    private static EventStreamError WriteErrorOf(params EventStreamHeader[] headers)
    {
        var output = new ArrayBufferWriter<byte>();
        var error = Assert.Throws<EventStreamException>(() => EventStreamEncoder.Write(output, new EventStreamMessage(headers, default))).Error;
        Assert.Equal(0, output.WrittenCount);
        return error;
    }

    private static EventStreamError ErrorOf(byte[] bytes, int limit = Limit) => Assert.Throws<EventStreamException>(() =>
    {
        var buffer = new ReadOnlySequence<byte>(bytes);
        EventStreamDecoder.TryRead(ref buffer, limit, out _);
    }).Error;

    private static byte[] Prelude(uint total, uint headers)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, total);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(4), headers);
        return Frames.WithChecksum(bytes);
    }
}
