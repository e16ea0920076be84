using System.Diagnostics;
using System.Runtime.Versioning;

[assembly: SupportedOSPlatform("linux")]

namespace Keyturn.LocalCore.Tests.Support;

internal static class Patience
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Waits for what must come; fails when it has not come by the limit.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.Elapsed > Limit)
                Assert.Fail($"waited {Limit} for: {what}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
