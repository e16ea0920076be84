using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Keyturn.DebianKeys;

/// <summary>
/// OpenSSL 0.9.8's random number generator as Debian had it from 2006 to 2008 (CVE-2008-0166): whatever is stirred in, only its length has
/// an effect, and that of the process id, which each draw hashes. So what a process draws follows from its id, from 0 to 32767.
/// </summary>
internal sealed class BrokenRandom
{
    private const int PoolBytes = 1023;
    private const int DigestBytes = 20;
    private const int EntropyBytes = 32;

    private readonly Platform _platform;
    private readonly int _processId;
    // A draw can leave the place at the pool's very end, where the next writes one byte that nobody reads.
    private readonly byte[] _pool = new byte[PoolBytes + 1];
    private readonly byte[] _digest = new byte[DigestBytes];
    private long _draws;
    private long _blocks;
    private int _at;
    private int _filled;
    private double _entropy;
    private bool _isPolled;
    private bool _isStirred;

    /// <summary>As the generator is when the tool begins to make a key.</summary>
    public BrokenRandom(Platform platform, SeedFile seedFile, int processId)
    {
        (_platform, _processId) = (platform, processId);
        if (seedFile != SeedFile.AbsentLater)
        {
            Stir(platform.StatBytes, 0);
        }

        if (seedFile == SeedFile.Present)
        {
            Stir(1024, 1024);
        }
        else
        {
            Poll();
        }
    }

    /// <summary>A big number's bytes. The time is stirred in before each.</summary>
    public void DrawNumber(Span<byte> number)
    {
        Stir(_platform.LongBytes, 0);
        Draw(number);
    }

    private void Poll()
    {
        if (_isPolled)
        {
            return;
        }

        _isPolled = true;
        Stir(EntropyBytes, EntropyBytes);
        // The ids of the process and of its user, and the time.
        for (var i = 0; i < 3; i++)
        {
            Stir(_platform.LongBytes, 0);
        }
    }

    private void Stir(int length, double entropy)
    {
        var (at, blocks) = (_at, _blocks);
        Span<byte> digest = stackalloc byte[DigestBytes];
        Span<byte> input = stackalloc byte[(2 * DigestBytes) + 16];
        _digest.CopyTo(digest);
        _at += length;
        if (_at >= PoolBytes)
        {
            _at %= PoolBytes;
            _filled = PoolBytes;
        }
        else
        {
            _filled = Math.Max(_filled, _at);
        }

        _blocks += (length + DigestBytes - 1) / DigestBytes;
        for (var done = 0; done < length; done += DigestBytes)
        {
            var count = Math.Min(DigestBytes, length - done);
            digest.CopyTo(input);
            CopyFromPool(at, PoolBytes, input.Slice(DigestBytes, count));
            var used = DigestBytes + count;
            used += WriteCounters(blocks++, input[used..]);
            SHA1.HashData(input[..used], digest);
            for (var i = 0; i < count; i++)
            {
                _pool[at] ^= digest[i];
                at = at + 1 >= PoolBytes ? 0 : at + 1;
            }
        }

        for (var i = 0; i < DigestBytes; i++)
        {
            _digest[i] ^= digest[i];
        }

        if (_entropy < EntropyBytes)
        {
            _entropy += entropy;
        }
    }

    private void Draw(Span<byte> output)
    {
        const int Half = DigestBytes / 2;
        Poll();
        if (!_isStirred)
        {
            for (var left = PoolBytes; left > 0; left -= DigestBytes)
            {
                Stir(DigestBytes, 0);
            }

            _isStirred = _entropy >= EntropyBytes;
        }

        var (at, filled, blocks) = (_at, _filled, _blocks);
        Span<byte> counters = stackalloc byte[16];
        counters = counters[..WriteCounters(blocks, counters)];
        Span<byte> digest = stackalloc byte[DigestBytes];
        Span<byte> input = stackalloc byte[4 + DigestBytes + 16 + DigestBytes];
        _digest.CopyTo(digest);
        _at += (output.Length + Half - 1) / Half * Half;
        if (_at > filled)
        {
            _at %= filled;
        }

        _draws++;
        for (var done = 0; done < output.Length; done += Half)
        {
            var used = 0;
            // Once a draw. The generator takes the id 0 for one that it has hashed already.
            if (done == 0 && _processId != 0)
            {
                WriteInteger(_processId, input);
                used = 4;
            }

            digest.CopyTo(input[used..]);
            counters.CopyTo(input[(used + DigestBytes)..]);
            used += DigestBytes + counters.Length;
            CopyFromPool(at, filled, input.Slice(used, Half));
            SHA1.HashData(input[..(used + Half)], digest);
            for (var i = 0; i < Half; i++)
            {
                _pool[at] ^= digest[i];
                at = at + 1 >= filled ? 0 : at + 1;
            }

            digest.Slice(Half, Math.Min(Half, output.Length - done)).CopyTo(output[done..]);
        }

        counters.CopyTo(input);
        digest.CopyTo(input[counters.Length..]);
        _digest.CopyTo(input[(counters.Length + DigestBytes)..]);
        SHA1.HashData(input[..(counters.Length + (2 * DigestBytes))], _digest);
    }

    private void CopyFromPool(int at, int end, Span<byte> to)
    {
        var first = Math.Min(to.Length, end - at);
        _pool.AsSpan(at, first).CopyTo(to);
        _pool.AsSpan(0, to.Length - first).CopyTo(to[first..]);
    }

    private int WriteCounters(long blocks, Span<byte> to)
    {
        if (_platform.LongBytes == 4)
        {
            WriteInteger((int)_draws, to);
            WriteInteger((int)blocks, to[4..]);
            return 8;
        }

        BinaryPrimitives.WriteInt64LittleEndian(to, _draws);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], blocks);
        return 16;
    }

    private void WriteInteger(int value, Span<byte> to)
    {
        if (_platform.IsBigEndian)
        {
            BinaryPrimitives.WriteInt32BigEndian(to, value);
        }
        else
        {
            BinaryPrimitives.WriteInt32LittleEndian(to, value);
        }
    }
}
