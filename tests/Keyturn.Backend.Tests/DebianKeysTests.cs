using System.Buffers.Binary;
using System.Security.Cryptography;
using Keyturn.DebianKeys;

namespace Keyturn.Backend.Tests;

/// <summary>
/// The list of Debian's weak keys, and what made it: <c>bench/Keyturn.DebianKeys</c>, held to keys that the broken openssl itself made, as
/// <c>badkeys/debianopenssl</c> and <c>badkeys/badkeys</c> on GitHub publish them. Here are the SHA-256 of their SubjectPublicKeyInfo.
/// </summary>
public sealed class DebianKeysTests
{
    public static TheoryData<string> Lists => [.. KeyList.Of(KeyList.Usual).Select(list => list.Name)];

    [Theory]
    [InlineData("P-256", "le64", nameof(SeedFile.Present), 1000, "ce13e7dd0ad59fad075d15426ad322c30715a24d2b4f0b6a58cdfaf50f2b4294")]
    [InlineData("P-256", "le64", nameof(SeedFile.Present), 32767, "8bd77c49b2e9b3e709d8b753f3841126ec1b50d0621de9db2f2e5261a58f5ae4")]
    [InlineData("P-256", "le64", nameof(SeedFile.AbsentAtFirst), 1000, "f3a6a9f7ad9a4cf9e813e8128d6f48a65d7f32c550e83e5c202dd69e9ecc5b7b")]
    [InlineData("P-256", "le64", nameof(SeedFile.AbsentLater), 1000, "f304d48ab0716aeba56c1fe2a89fcfe025c7a842ef538ba26de331af70d68443")]
    [InlineData("P-256", "le32", nameof(SeedFile.Present), 1000, "91f28130ef5c459983fc7240a83cb173cf853e828f777e7a2e1ac9fec4e113dd")]
    [InlineData("P-256", "be32", nameof(SeedFile.Present), 1000, "f1e5c747bc3d5b2cc82fef8ba00051a6ed46ad44ed5b9533dfe4623b520b50bd")]
    [InlineData("P-384", "le32", nameof(SeedFile.AbsentAtFirst), 32767, "655d0484ba0fa0a060ab05be9673dcefdb90ea2ff691a2f0ae608bd5a7bc77ae")]
    [InlineData("P-384", "be32", nameof(SeedFile.AbsentLater), 0, "db3bbfcea0fa7fc180bc6fa7a728587619386426faaccb3cbac2ab105bc24ce7")]
    [InlineData("RSA-2048", "be32", nameof(SeedFile.Present), 1000, "bf444715ecf87f6edac517ebc356384b9ba04553bcb09e2849e0c5992c10e683")]
    [InlineData("RSA-2048", "be32", nameof(SeedFile.AbsentAtFirst), 20000, "7aea7cd297d5c7f56d67876f6473811c62ab5b7584af8c24e5fe26a49cf742d6")]
    [InlineData("RSA-2048", "be32", nameof(SeedFile.AbsentLater), 20000, "e965eb2ccd838c4ad78943d82dc733a213c8cb3e9cf50ab935710694af9b7d7e")]
    public void A_published_key_is_made_as_it_was_then_and_is_in_the_list(string kind, string platform, string seedFile, int processId, string published)
    {
        var made = Assert.Single(Make($"{kind}-{platform}-{seedFile}", processId));
        Assert.Equal(published, Convert.ToHexStringLower(made));
        Assert.True(DebianKeys.Holds(made));
    }

    [Fact]
    public void A_published_key_of_which_nobody_says_what_made_it_is_in_the_list() =>
        Assert.True(DebianKeys.Holds(Convert.FromHexString("9449eb4873a6a19a803682bcadbdca86e8c54b139e6105c1f9dc00e7b2b997a2")));

    [Theory]
    [MemberData(nameof(Lists))]
    public void Each_list_has_the_keys_of_its_first_and_last_process_and_of_some_between(string list) =>
        Assert.All(Make(list, 0, 1, 9973, 32767), hash => Assert.True(DebianKeys.Holds(hash)));

    [Fact]
    public void The_list_holds_all_that_were_made_and_is_in_order()
    {
        using var file = typeof(CsrPolicy).Assembly.GetManifestResourceStream("debian-keys")!;
        var content = new byte[file.Length];
        file.ReadExactly(content);
        var words = content.Chunk(4).Select(word => BinaryPrimitives.ReadUInt32LittleEndian(word)).ToArray();
        var (ends, rests) = (words[..65537], words[65537..]);
        Assert.Equal((uint)rests.Length, ends[^1]);
        Assert.Equal(ends.Order(), ends);

        // As good as all differ in their first 48 bits.
        var made = Lists.Count * KeyList.ProcessIds;
        Assert.InRange(rests.Length, made - 10, made);

        var hash = new byte[32];
        for (var group = 0; group < 65536; group++)
        {
            var members = rests.AsSpan()[(int)ends[group]..(int)ends[group + 1]];
            for (var i = 0; i < members.Length; i++)
            {
                Assert.True(i == 0 || members[i - 1] < members[i]);
            }

            if (group % 64 == 0 || group == 65535)
            {
                BinaryPrimitives.WriteUInt16BigEndian(hash, (ushort)group);
                BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(2), members[^1]);
                Assert.True(DebianKeys.Holds(hash));
                BinaryPrimitives.WriteUInt32BigEndian(hash.AsSpan(2), members[^1] + 1);
                Assert.False(DebianKeys.Holds(hash));
            }
        }
    }

    [Fact]
    public void Other_keys_are_not_in_the_list() =>
        Assert.All(Enumerable.Range(0, 10_000), i => Assert.False(DebianKeys.Holds(SHA256.HashData(BitConverter.GetBytes(i)))));

    private static byte[][] Make(string list, params int[] processIds) =>
        KeyList.Of(KeyList.Usual).Single(l => l.Name == list).Make(processIds, threads: 1, _ => { });
}
