namespace Keyturn.Backend;

/// <summary>What another is about to finish is looked at again after each pause, and then taken as it is.</summary>
internal static class Patience
{
    public static async Task<T> WhileAsync<T>(
        Predicate<T> isUnfinished, Func<Task<T>> look, IEnumerable<TimeSpan> pauses, TimeProvider clock, CancellationToken cancellation)
    {
        var found = await look();
        foreach (var pause in pauses)
        {
            if (!isUnfinished(found))
            {
                break;
            }

            await Task.Delay(pause, clock, cancellation);
            found = await look();
        }

        return found;
    }
}
