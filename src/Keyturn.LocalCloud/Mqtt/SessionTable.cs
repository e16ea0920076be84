namespace Keyturn.LocalCloud.Mqtt;

/// <summary>Sessions by client id. One client id has one connection: the newest.</summary>
internal sealed class SessionTable(SubscriptionTree subscriptions, TimeProvider time)
{
    /// <summary>Sessions whose time is over are looked for no more often than that.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, DeviceSession> _sessions = new(StringComparer.Ordinal);
    private DateTimeOffset _nextSweep;

    /// <summary>Takes the session up, or makes one; ends the connection that had it.</summary>
    /// <returns>Whether it was there already: SESSION PRESENT.</returns>
    public (DeviceSession Session, bool IsPresent) Open(DeviceConnection connection, string clientId, SessionOwner owner, OpeningTerms terms)
    {
        while (true)
        {
            DeviceConnection? former;
            lock (_lock)
            {
                var existing = _sessions.GetValueOrDefault(clientId);
                former = existing?.Connection;
                if (former is null)
                {
                    var isPresent = existing is not null && !terms.CleanStart && !HasEnded(existing);
                    if (!isPresent && existing is not null)
                        Forget(existing);
                    var session = isPresent ? existing! : new DeviceSession(clientId, owner, time);
                    session.Lifetime = terms.Lifetime;
                    session.Attach(connection, owner, terms.ReceiveMaximum);
                    _sessions[clientId] = session;
                    return (session, isPresent);
                }
            }

            former.End(DisconnectReason.TakenOver, "the client id connected again");
        }
    }

    /// <summary>The connection is gone; the session stays as long as its terms say.</summary>
    public void Close(string clientId, DeviceConnection connection)
    {
        lock (_lock)
        {
            if (_sessions.GetValueOrDefault(clientId) is { } session && session.Connection == connection)
            {
                session.Detach(connection);
                if (session.Lifetime == TimeSpan.Zero)
                    Forget(session);
            }

            if (time.GetUtcNow() < _nextSweep)
                return;
            _nextSweep = time.GetUtcNow() + SweepInterval;
            foreach (var ended in _sessions.Values.Where(HasEnded).ToList())
                Forget(ended);
        }
    }

    public DeviceSession? Find(string clientId)
    {
        lock (_lock)
            return _sessions.GetValueOrDefault(clientId);
    }

    public IReadOnlyList<DeviceSession> All
    {
        get
        {
            lock (_lock)
                return [.. _sessions.Values];
        }
    }

    private bool HasEnded(DeviceSession session) => !session.IsConnected && session.EndsAt <= time.GetUtcNow();

    private void Forget(DeviceSession session)
    {
        if (_sessions.GetValueOrDefault(session.ClientId) == session)
            _sessions.Remove(session.ClientId);
        foreach (var subscription in session.Subscriptions)
            subscriptions.Remove(subscription);
    }
}

/// <param name="Lifetime">Of the session once its connection is gone.</param>
internal sealed record OpeningTerms(bool CleanStart, TimeSpan Lifetime, int ReceiveMaximum);
