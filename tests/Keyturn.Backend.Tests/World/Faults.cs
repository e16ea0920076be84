namespace Keyturn.Backend.Tests.World;

/// <summary>The process died. No code of ours may catch it.</summary>
internal sealed class ProcessKilledException(string call) : Exception($"killed at {call}");

/// <summary>Sees every call that a use case makes of its ports, and ends the process at the one it is told to.</summary>
internal sealed class Faults : IPortCalls
{
    public List<string> Calls { get; } = [];

    /// <summary>Index of the call at which the process dies; null: never.</summary>
    public int? KillAt { get; set; }

    /// <summary>Dies after the call took effect, rather than before.</summary>
    public bool AfterEffect { get; set; }

    /// <summary>The call fails instead, with the process alive.</summary>
    public Func<string, Exception?>? FailWith { get; set; }

    public void Reset()
    {
        Calls.Clear();
        KillAt = null;
        FailWith = null;
    }

    public async Task<T> CallAsync<T>(string name, Func<T> effect)
    {
        await Task.Yield();
        var index = Calls.Count;
        Calls.Add(name);
        if (FailWith?.Invoke(name) is { } failure)
        {
            throw failure;
        }

        if (KillAt == index && !AfterEffect)
        {
            throw new ProcessKilledException(name);
        }

        var result = effect();
        return KillAt == index ? throw new ProcessKilledException(name) : result;
    }
}
