using CsCheck;
using Keyturn.LocalCore.Ipc;

namespace Keyturn.LocalCore.Tests;

public sealed class FrameTests
{
    private const string Empty = "000000100000000005c248eb7d98c8ff";
    private const string OneHeader = "0000002d0000001041c424b80a6576656e742d74797065040000a00c7b27666f6f273a27626172277d36f480a0";

    [Theory]
    [InlineData(Empty)]
    [InlineData(OneHeader)]
    public async Task A_known_frame_reads_and_writes_to_the_same_bytes(string hex)
    {
        var frame = await ReadAsync(Convert.FromHexString(hex));

        Assert.Equal(hex, Convert.ToHexStringLower(frame!.Encode()));
    }

    [Fact]
    public async Task A_header_is_found_whatever_its_case()
    {
        var frame = await ReadAsync(Convert.FromHexString(OneHeader));

        Assert.Equal(0xa00c, frame!.Find("Event-Type")?.AsInt32);
        Assert.Equal("{'foo':'bar'}"u8.ToArray(), frame.Payload.ToArray());
    }

    [Fact]
    public async Task Nothing_between_two_frames_is_the_end_of_the_stream() => Assert.Null(await ReadAsync([]));

    [Fact]
    public void A_changed_byte_is_always_noticed() => Gen.Select(Gen.Int[0, OneHeader.Length / 2 - 1], Gen.Byte[1, 255]).Sample((at, flip) =>
    {
        var bytes = Convert.FromHexString(OneHeader);
        bytes[at] ^= flip;
        Assert.ThrowsAny<IOException>(() => ReadAsync(bytes).GetAwaiter().GetResult());
    });

    [Fact]
    public void A_truncated_frame_is_always_noticed() => Gen.Int[1, OneHeader.Length / 2 - 1].Sample(length =>
        Assert.ThrowsAny<IOException>(() => ReadAsync(Convert.FromHexString(OneHeader)[..length]).GetAwaiter().GetResult()));

    [Fact]
    public void Any_frame_survives_the_way_there_and_back() =>
        Gen.Select(Gen.String[Gen.Char.AlphaNumeric, 1, 20], Gen.Enum<HeaderType>(), Gen.Byte.Array[0, 300]).Sample((name, type, bytes) =>
        {
            var value = type switch
            {
                HeaderType.True or HeaderType.False => [],
                HeaderType.Byte => Fit(bytes, 1),
                HeaderType.Int16 => Fit(bytes, 2),
                HeaderType.Int32 => Fit(bytes, 4),
                HeaderType.Int64 or HeaderType.Timestamp => Fit(bytes, 8),
                HeaderType.Uuid => Fit(bytes, 16),
                HeaderType.String => System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(bytes)),
                _ => bytes,
            };
            var read = ReadAsync(new Frame([new(name, type, value)], bytes).Encode()).GetAwaiter().GetResult()!;
            Assert.Equal((name, type), (read.Headers[0].Name, read.Headers[0].Type));
            Assert.Equal(value, read.Headers[0].Value.ToArray());
            Assert.Equal(bytes, read.Payload.ToArray());
        });

    [Fact]
    public async Task A_length_beyond_the_limit_is_refused_before_it_is_allocated()
    {
        var prelude = new byte[12];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(prelude, Frame.MaxBytes + 1);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(prelude.AsSpan(8), Crc32.Compute(prelude.AsSpan(0, 8)));

        await Assert.ThrowsAsync<FrameException>(() => ReadAsync(prelude));
    }

    [Fact]
    public async Task More_headers_than_the_limit_are_refused()
    {
        var frame = new Frame([.. Enumerable.Range(0, Frame.MaxHeaders + 1).Select(n => new Header("h" + n, HeaderType.True, default))], default);

        await Assert.ThrowsAsync<FrameException>(() => ReadAsync(frame.Encode()));
    }

    private static byte[] Fit(byte[] bytes, int length) => [.. bytes.Concat(new byte[length]).Take(length)];

    private static Task<Frame?> ReadAsync(byte[] bytes) => Frame.ReadAsync(new MemoryStream(bytes), CancellationToken.None).AsTask();
}
