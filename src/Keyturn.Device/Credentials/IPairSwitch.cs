namespace Keyturn.Device.Credentials;

/// <summary>How the nucleus's two paths are led from one generation to another. Each method may be repeated after a crash at any point of it.</summary>
internal interface IPairSwitch
{
    /// <summary>The paths lead to a generation, or are on the way from one to another. Otherwise somebody has replaced what is there.</summary>
    bool IsReached { get; }

    /// <summary>The last generation that was switched to, whether the paths still lead there or not.</summary>
    string? Current { get; }

    /// <summary>The generation that the nucleus finds, whole.</summary>
    string? InUse { get; }

    /// <summary>It is in use, or recovery may need it.</summary>
    bool Needs(string generation);

    /// <summary>Ends a switch that was begun, when nothing tells which way it was to go.</summary>
    void Finish();

    /// <summary>Leads both paths to a generation that holds what they hold, in the way in which a switch will be made.</summary>
    void Adopt(string generation);

    void SwitchTo(string generation);
}
