
namespace Keyturn.LocalCloud.Registry;

internal sealed class Thing(string name)
{
    public string Name { get; } = name;

    public string Id { get; } = Guid.NewGuid().ToString();

    public string Arn => CloudAccount.Local.Arn("iot", $"thing/{Name}");

    public string? TypeName { get; set; }

    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public long Version { get; set; } = 1;

    /// <summary>Certificate id → whether the certificate is this thing's alone; in order of attachment.</summary>
    public OrderedDictionary<string, bool> Principals { get; } = new(StringComparer.Ordinal);

    public DeviceThing Show() => new(Name, Arn, TypeName, new Dictionary<string, string>(Attributes));
}

internal sealed class ThingType(string name, DateTimeOffset created)
{
    public string Name { get; } = name;

    public string Id { get; } = Guid.NewGuid().ToString();

    public string Arn => CloudAccount.Local.Arn("iot", $"thingtype/{Name}");

    public string? Description { get; set; }

    public IReadOnlyList<string> SearchableAttributes { get; set; } = [];

    public DateTimeOffset Created { get; } = created;

    public DateTimeOffset? Deprecated { get; set; }
}

internal sealed class ThingGroup(string name, string? parent, DateTimeOffset created)
{
    public string Name { get; } = name;

    public string Id { get; } = Guid.NewGuid().ToString();

    public string Arn => CloudAccount.Local.Arn("iot", $"thinggroup/{Name}");

    public string? Parent { get; } = parent;

    public string? Description { get; set; }

    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    public long Version { get; set; } = 1;

    public DateTimeOffset Created { get; } = created;

    /// <summary>Names of the things directly in it.</summary>
    public SortedSet<string> Things { get; } = new(StringComparer.Ordinal);

    public OrderedSet Policies { get; } = new();
}

internal sealed class Certificate(string id, string pem, string? authorityId, DateTimeOffset created)
{
    public string Id { get; } = id;

    public string Arn => CloudAccount.Local.Arn("iot", $"cert/{Id}");

    public string Pem { get; } = pem;

    /// <summary>Set for certificates of a registered CA; those of AWS IoT itself have none.</summary>
    public string? AuthorityId { get; } = authorityId;

    public required string Status { get; set; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    public DateTimeOffset Created { get; } = created;

    public DateTimeOffset Modified { get; set; } = created;

    public int CustomerVersion { get; set; } = 1;

    public string Mode { get; init; } = "DEFAULT";

    /// <summary>Rises with every certificate made: the order of lists.</summary>
    public required long Sequence { get; init; }

    public string GenerationId { get; } = Guid.NewGuid().ToString();

    /// <summary>Names of the things it is attached to: the other direction of <see cref="Thing.Principals"/>.</summary>
    public SortedSet<string> Things { get; } = new(StringComparer.Ordinal);

    public OrderedSet Policies { get; } = new();

    public bool IsActive => Status == "ACTIVE";
}

internal sealed class Policy(string name, DateTimeOffset created)
{
    public string Name { get; } = name;

    public string Arn => CloudAccount.Local.Arn("iot", $"policy/{Name}");

    public DateTimeOffset Created { get; } = created;

    public DateTimeOffset Modified { get; set; } = created;

    public SortedDictionary<int, PolicyVersion> Versions { get; } = [];

    public int DefaultVersion { get; set; } = 1;

    public string GenerationId { get; } = Guid.NewGuid().ToString();

    /// <summary>Version numbers are never used again.</summary>
    public int LastVersion { get; set; }

    public string Document => Versions[DefaultVersion].Document;
}

internal sealed record PolicyVersion(int Id, string Document, DateTimeOffset Created);

/// <summary>Names in the order in which they were added.</summary>
internal sealed class OrderedSet
{
    private readonly OrderedDictionary<string, bool> _names = new(StringComparer.Ordinal);

    public int Count => _names.Count;

    public IEnumerable<string> Names => _names.Keys;

    public bool Add(string name) => _names.TryAdd(name, true);

    public bool Remove(string name) => _names.Remove(name);

    public bool Contains(string name) => _names.ContainsKey(name);
}
