using System.Buffers;
using System.Text;
using Greengrass.Ipc.EventStream;

namespace Greengrass.Ipc.Tests.EventStream;

/// <summary>Bytes computed with Python's zlib and struct; the first two are also the published vectors of aws-c-event-stream.</summary>
public sealed class CodecVectorTests
{
    internal static readonly Dictionary<string, (string Hex, EventStreamMessage Message)> Vectors = new()
    {
        ["empty"] = ("000000100000000005C248EB7D98C8FF", Message("")),
        ["payload only"] = ("0000001D00000000FD528C5A7B27666F6F273A27626172277DC3653936", Message("{'foo':'bar'}")),
        ["true"] = ("0000001300000003DB6B63810161001F7E7F3C", Message("", EventStreamHeader.Boolean("a", true))),
        ["false"] = ("0000001300000003DB6B638101610168794FAA", Message("", EventStreamHeader.Boolean("a", false))),
        ["byte"] = ("0000001400000004F72F2A32016102FEEDFE346E", Message("", EventStreamHeader.Byte("a", -2))),
        ["int16"] = ("0000001500000005BD483314016103FED43875B459", Message("", EventStreamHeader.Int16("a", -300))),
        ["int32"] = ("000000170000000729860158016104FFFEEE90F3CEB6A9", Message("", EventStreamHeader.Int32("a", -70_000))),
        ["int64"] = ("0000001B0000000BE5C0A072016105FFFFFFFED5FA0E00F9853329", Message("", EventStreamHeader.Int64("a", -5_000_000_000))),
        ["bytes"] = ("00000018000000083B698B18016106000300FF10485C5001", Message("", EventStreamHeader.Bytes("a", new byte[] { 0, 255, 16 }))),
        ["string, not ASCII"] = (
            "0000001F0000000F172DC2AB066E61C3AF76650700056772C3BC6EF09FB4DB", Message("", EventStreamHeader.String("naïve", "grün"))),
        ["timestamp"] = (
            "0000001B0000000BE5C0A072016108000001A20B28D533FB56903D",
            Message("", EventStreamHeader.Timestamp("a", DateTimeOffset.FromUnixTimeMilliseconds(1_795_483_555_123)))),
        ["uuid"] = (
            "000000230000001367FDCB630161090102030405060708090A0B0C0D0E0F101EA36FEE",
            Message("", EventStreamHeader.Uuid("a", Guid.Parse("01020304-0506-0708-090a-0b0c0d0e0f10")))),
        ["handshake"] = (
            "0000006D000000487C87A5370D3A6D6573736167652D7479706504000000040E3A6D6573736167652D666C61677304000000000A3A73747265616D2D6964040000000008"
            + "3A76657273696F6E070005302E312E307B2261757468546F6B656E223A22544F4B454E227DC12A25EA",
            Message(
                """{"authToken":"TOKEN"}""",
                EventStreamHeader.Int32(":message-type", 4), EventStreamHeader.Int32(":message-flags", 0),
                EventStreamHeader.Int32(":stream-id", 0), EventStreamHeader.String(":version", "0.1.0"))),
        ["mixed types, binary payload"] = (
            "0000003400000022E4E380CB0D3A6D6573736167652D74797065040000000004666C61670005656D707479070000000160BF5779",
            new EventStreamMessage(
                [EventStreamHeader.Int32(":message-type", 0), EventStreamHeader.Boolean("flag", true), EventStreamHeader.String("empty", "")],
                new byte[] { 0, 1 })),
    };

    public static TheoryData<string> Names => [.. Vectors.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Encodes_to_the_expected_bytes(string name)
    {
        var output = new ArrayBufferWriter<byte>();
        EventStreamEncoder.Write(output, Vectors[name].Message);
        Assert.Equal(Vectors[name].Hex, Convert.ToHexString(output.WrittenSpan));
    }

    [Theory, MemberData(nameof(Names))]
    public void Decodes_to_the_expected_message_and_takes_exactly_its_bytes(string name)
    {
        byte[] bytes = [.. Convert.FromHexString(Vectors[name].Hex), 0xAA];
        var buffer = new ReadOnlySequence<byte>(bytes);

        Assert.True(EventStreamDecoder.TryRead(ref buffer, EventStreamLimits.MaxMessageBytes, out var message));

        Assert.Equal(Vectors[name].Message.Headers, message.Headers);
        Assert.Equal(Vectors[name].Message.Payload.ToArray(), message.Payload.ToArray());
        Assert.Equal([0xAA], buffer.ToArray());
    }

    [Theory, MemberData(nameof(Names))]
    public void Waits_for_more_at_every_cut_and_reads_across_segments(string name)
    {
        var bytes = Convert.FromHexString(Vectors[name].Hex);
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            var part = new ReadOnlySequence<byte>(bytes, 0, cut);
            Assert.False(EventStreamDecoder.TryRead(ref part, EventStreamLimits.MaxMessageBytes, out _));
            Assert.Equal(cut, part.Length);

            var whole = Sequences.Of(bytes[..cut], bytes[cut..]);
            Assert.True(EventStreamDecoder.TryRead(ref whole, EventStreamLimits.MaxMessageBytes, out var message));
            Assert.Equal(Vectors[name].Message.Headers, message.Headers);
        }
    }

    [Fact]
    public void The_checksum_is_the_one_of_zlib()
    {
        Assert.Equal(0xCBF43926u, Crc32.Compute("123456789"u8));
        Assert.Equal(0u, Crc32.Compute([]));
        Assert.Equal(Frames.Crc("123456789"u8), Crc32.Compute("123456789"u8));
    }

    [Fact]
    public void A_header_reads_only_as_what_it_is()
    {
        Assert.Equal(7, EventStreamHeader.Int32("a", 7).AsInt32());
        Assert.Null(EventStreamHeader.Int64("a", 7).AsInt32());
        Assert.Null(EventStreamHeader.String("a", "7").AsInt32());
        Assert.Equal("7", EventStreamHeader.String("a", "7").AsString());
        Assert.Null(EventStreamHeader.Bytes("a", "7"u8.ToArray()).AsString());
    }

    private static EventStreamMessage Message(string payload, params EventStreamHeader[] headers) => new(headers, Encoding.UTF8.GetBytes(payload));
}
