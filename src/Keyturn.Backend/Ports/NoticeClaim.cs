namespace Keyturn.Backend.Ports;

public enum NoticeClaim
{
    Granted,

    /// <summary>Somebody else is sending it, or died before that.</summary>
    Held,

    Sent,
}
