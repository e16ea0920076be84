namespace Keyturn.Bench;

/// <summary>The smallest Lambda function: what it is given it gives back. This executable is one when the Runtime API is in its environment.</summary>
internal static class EchoFunction
{
    public static async Task RunAsync(string runtimeApi)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{runtimeApi}/2018-06-01/runtime/"), Timeout = Timeout.InfiniteTimeSpan };
        while (true)
        {
            using var next = await http.GetAsync("invocation/next");
            var id = next.Headers.GetValues("Lambda-Runtime-Aws-Request-Id").Single();
            using var body = new ByteArrayContent(await next.Content.ReadAsByteArrayAsync());
            (await http.PostAsync($"invocation/{id}/response", body)).Dispose();
        }
    }
}
