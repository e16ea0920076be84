namespace Keyturn.LocalCloud.Quotas;

/// <summary>A bucket of so many tokens that fills up again within a second.</summary>
internal sealed class RateLimit(int perSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = perSecond;
    private long _filled = time.GetTimestamp();

    /// <summary>Nothing was taken for a second: it is as good as a new one.</summary>
    public bool IsFull
    {
        get
        {
            lock (_lock)
            {
                Fill();
                return _tokens >= perSecond;
            }
        }
    }

    public bool TryTake()
    {
        lock (_lock)
        {
            Fill();
            if (_tokens < 1)
                return false;
            _tokens--;
            return true;
        }
    }

    private void Fill()
    {
        var now = time.GetTimestamp();
        _tokens = Math.Min(perSecond, _tokens + (time.GetElapsedTime(_filled, now).TotalSeconds * perSecond));
        _filled = now;
    }
}

/// <summary>A bucket for each key: a client id, a thing.</summary>
internal sealed class RateLimits(int perSecond, TimeProvider time)
{
    private const int Kept = 10_000;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, RateLimit> _limits = new(StringComparer.Ordinal);

    public bool TryTake(string key)
    {
        lock (_lock)
        {
            if (!_limits.TryGetValue(key, out var limit))
            {
                if (_limits.Count >= Kept)
                    Forget();
                _limits[key] = limit = new RateLimit(perSecond, time);
            }

            return limit.TryTake();
        }
    }

    private void Forget()
    {
        foreach (var (key, _) in _limits.Where(l => l.Value.IsFull).ToList())
            _limits.Remove(key);
    }
}
