namespace Keyturn.LocalCloud.Mqtt;

/// <summary>What may go wrong in a distributed broker and before it.</summary>
internal interface IBrokerFaults
{
    /// <summary>
    /// Asked once a message; each entry is a copy and says when it goes its way. One copy at once is the ordinary case, none is
    /// a loss, two are a duplicate, a late one may be overtaken.
    /// </summary>
    IReadOnlyList<TimeSpan> Plan(string topic);

    /// <summary>Is this connection refused as if its certificate were not registered?</summary>
    bool Refuses(string certificateId);

    bool IsFrozen(string plane);

    /// <summary>Returns at once unless the plane is frozen, else when it thaws.</summary>
    ValueTask ThawedAsync(string plane, CancellationToken cancellation);
}
