[assembly: AssemblyFixture(typeof(Greengrass.Ipc.Tests.UnobservedExceptions))]

namespace Greengrass.Ipc.Tests;

/// <summary>Fails the run if a task of the library failed and nobody looked: in a component that would be an error lost.</summary>
public sealed class UnobservedExceptions : IDisposable
{
    private readonly List<Exception> seen = [];

    public UnobservedExceptions() => TaskScheduler.UnobservedTaskException += OnUnobserved;

    public void Dispose()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        TaskScheduler.UnobservedTaskException -= OnUnobserved;
        lock (seen)
        {
            if (seen.Count > 0)
                throw new AggregateException("Exceptions of tasks that nobody observed.", seen);
        }
    }

    private void OnUnobserved(object? sender, UnobservedTaskExceptionEventArgs e)
    {
        lock (seen)
            seen.Add(e.Exception);
    }
}
