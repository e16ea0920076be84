namespace Keyturn.Backend.Tests.World;

/// <summary>What every call of an in-memory port passes through, so that each of them can fail.</summary>
internal interface IPortCalls
{
    Task<T> CallAsync<T>(string name, Func<T> effect);
}

internal static class PortCalls
{
    public static Task CallAsync(this IPortCalls calls, string name, Action effect) => calls.CallAsync(name, () =>
    {
        effect();
        return true;
    });
}
