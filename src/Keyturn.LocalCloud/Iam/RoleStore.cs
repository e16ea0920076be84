using System.Collections.Concurrent;

namespace Keyturn.LocalCloud.Iam;

/// <summary>The roles of the account and what each may do.</summary>
internal sealed class RoleStore
{
    private readonly ConcurrentDictionary<string, Role> _roles = new(StringComparer.Ordinal);

    public Role Add(string name, IamPolicy trust) =>
        TryAdd(name, trust) ?? throw new FormatException($"there is a role {name} already");

    /// <returns>Null when there is one of that name.</returns>
    public Role? TryAdd(string name, IamPolicy trust)
    {
        var role = new Role(name, trust);
        return _roles.TryAdd(name, role) ? role : null;
    }

    public IEnumerable<Role> All => _roles.Values.OrderBy(r => r.Name, StringComparer.Ordinal);

    public Role? Find(string nameOrArn) => _roles.GetValueOrDefault(NameOf(nameOrArn));

    public static string NameOf(string nameOrArn) => nameOrArn[(nameOrArn.LastIndexOf('/') + 1)..];

    /// <summary>Whether the service may act as the role, and the role may do this.</summary>
    /// <returns>Null when so, else the reason.</returns>
    public string? Refusal(string roleArn, string service, string action, string resource)
    {
        if (Find(roleArn) is not { } role)
            return $"there is no role {roleArn}";
        if (!role.Trusts(service))
            return $"the role {role.Name} does not trust {service}";
        return role.May(new IamRequest(action, resource)) ? null : $"the role {role.Name} is not authorized to perform {action} on {resource}";
    }
}

internal sealed class Role(string name, IamPolicy trust)
{
    private readonly ConcurrentQueue<IamPolicy> _policies = new();
    private readonly ConcurrentDictionary<string, InlinePolicy> _inline = new(StringComparer.Ordinal);

    public string Name { get; } = name;

    public string Arn => CloudAccount.Local.GlobalArn("iam", $"role/{Name}");

    public PermissionUse Use { get; } = new();

    /// <summary>Every action that some statement allows, as it is written.</summary>
    public IEnumerable<string> AllowedActions => Policies.SelectMany(p => p.AllowedActions);

    private IEnumerable<IamPolicy> Policies => _policies.Concat(_inline.Values.Select(p => p.Policy));

    public void Grant(IamPolicy policy) => _policies.Enqueue(policy);

    /// <summary>A policy that can be looked at, replaced and taken away again.</summary>
    public void Put(string name, InlinePolicy policy) => _inline[name] = policy;

    public InlinePolicy? FindInline(string name) => _inline.GetValueOrDefault(name);

    public bool RemoveInline(string name) => _inline.TryRemove(name, out _);

    public bool Trusts(string service) =>
        trust.Evaluate(IamRequest.ToAssume(service)) == true;

    /// <returns>False when a policy denies, true when one allows, null when none speaks of it.</returns>
    public bool? Evaluate(IamRequest request)
    {
        var answers = Policies.Select(p => p.Evaluate(request)).ToList();
        return answers.Contains(false) ? false : answers.Contains(true) ? true : null;
    }

    /// <summary>Whether it may, by its own policies alone.</summary>
    public bool May(IamRequest request)
    {
        var allowed = Evaluate(request) == true;
        if (allowed)
            Use.Record([.. Policies.SelectMany(p => p.Grants(request))]);
        return allowed;
    }
}

/// <param name="Document">As it was given.</param>
internal sealed record InlinePolicy(string Document, IamPolicy Policy);
