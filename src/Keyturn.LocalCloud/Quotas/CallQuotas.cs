namespace Keyturn.LocalCloud.Quotas;

/// <summary>Counts calls against the quotas of the account, over HTTP and MQTT alike.</summary>
internal sealed class CallQuotas
{
    private readonly Dictionary<string, RateLimit> _limits = new(StringComparer.Ordinal);
    private readonly RateLimits? _shadows;

    public CallQuotas(QuotaTable table, TimeProvider time)
    {
        foreach (var quota in table.Quotas)
        {
            var limit = new RateLimit(quota.PerSecond, time);
            foreach (var call in quota.Calls)
                _limits[call] = limit;
        }

        if (table.PerSecond(QuotaTable.ShadowOfThing) is { } shadows)
            _shadows = new RateLimits(shadows, time);
    }

    /// <param name="thing">The thing whose shadow is meant, if the call is about shadows.</param>
    public bool TryTake(string call, string? thing = null)
    {
        if (thing is not null && _shadows?.TryTake(thing) == false)
            return false;
        return !_limits.TryGetValue(call, out var limit) || limit.TryTake();
    }
}
