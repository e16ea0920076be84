namespace Keyturn.Backend.Tests.World;

/// <summary>A value of DER, of which parts can be changed while the lengths around them stay right.</summary>
internal sealed class DerNode
{
    private readonly int _unused;

    private DerNode(byte tag, byte[] content, List<DerNode>? children, int unused) =>
        (Tag, Content, Children, _unused) = (tag, content, children, unused);

    public byte Tag { get; set; }

    /// <summary>Of a value without children.</summary>
    public byte[] Content { get; set; }

    /// <summary>Null for a value that is not made of others.</summary>
    public List<DerNode>? Children { get; }

    /// <summary>This and all below.</summary>
    public IEnumerable<DerNode> All => [this, .. Children?.SelectMany(child => child.All) ?? []];

    public static DerNode Read(ReadOnlySpan<byte> der) => ReadAll(der) is [var only] ? only : throw new FormatException("not one value");

    /// <param name="longForm">Whether each length takes the form of three bytes, which is BER and no DER.</param>
    public byte[] Write(DerNode? longForm = null)
    {
        byte[] content = Children is null ? Content : [.. Enumerable.Repeat((byte)0, _unused), .. Children.SelectMany(child => child.Write(longForm))];
        byte[] length = ReferenceEquals(this, longForm) ? [0x83, 0, (byte)(content.Length >> 8), (byte)content.Length]
            : content.Length < 0x80 ? [(byte)content.Length]
            : content.Length < 0x100 ? [0x81, (byte)content.Length]
            : [0x82, (byte)(content.Length >> 8), (byte)content.Length];
        return [Tag, .. length, .. content];
    }

    /// <summary>Changes one value below this one; which, and how, the numbers say.</summary>
    public void Change(int kind, int at, int other, byte value)
    {
        DerNode[] parents = [.. All.Where(node => node.Children is { Count: > 0 })];
        if (parents is [])
        {
            return;
        }

        var (siblings, theirs) = (parents[at % parents.Length].Children!, parents[other % parents.Length].Children!);
        var place = other % siblings.Count;
        var node = siblings[place];
        switch (kind)
        {
            case 0:
                siblings.RemoveAt(place);
                break;
            case 1:
                siblings.Insert(value % (siblings.Count + 1), node.Copy());
                break;
            case 2:
                theirs.Insert(value % (theirs.Count + 1), node.Copy());
                break;
            case 3:
                siblings.Reverse();
                break;
            case 4:
                node.Tag = value;
                break;
            case 5 when node.Content.Length > 0:
                node.Content[value % node.Content.Length] = (byte)other;
                break;
            case 6:
                node.Content = [.. node.Content, value];
                break;
            default:
                node.Content = node.Content[..(node.Content.Length / 2)];
                break;
        }
    }

    public DerNode Copy() => new(Tag, [.. Content], Children is null ? null : [.. Children.Select(child => child.Copy())], _unused);

    private static List<DerNode> ReadAll(ReadOnlySpan<byte> der)
    {
        List<DerNode> nodes = [];
        while (der.Length > 0)
        {
            var (header, length) = der[1] switch
            {
                < 0x80 => (2, (int)der[1]),
                0x81 => (3, der[2]),
                0x82 => (4, (der[2] << 8) | der[3]),
                _ => throw new FormatException("too long"),
            };
            var tag = der[0];
            var content = der.Slice(header, length);
            der = der[(header + length)..];
            nodes.Add((tag & 0x20) != 0 ? new DerNode(tag, [], ReadAll(content), 0)
                : tag == 0x03 && TryReadKey(content[1..]) is { } key ? new DerNode(tag, [], key, 1)
                : new DerNode(tag, content.ToArray(), null, 0));
        }

        return nodes;
    }

    /// <summary>A bit string that holds an RSA key.</summary>
    private static List<DerNode>? TryReadKey(ReadOnlySpan<byte> content) => content[0] == 0x30 && content.Length > 200 ? ReadAll(content) : null;
}
