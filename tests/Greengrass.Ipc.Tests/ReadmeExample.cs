namespace Greengrass.Ipc.Tests;

/// <summary>The package's README shows this method's body, line by line.</summary>
internal static class ReadmeExample
{
    public static async Task RunAsync()
    {
        await using var nucleus = await GreengrassIpcClient.ConnectAsync(GreengrassIpcOptions.FromEnvironment());
        var configuration = await nucleus.GetConfigurationAsync();
        Console.WriteLine($"My configuration: {configuration}");

        await using var requests = await nucleus.SubscribeToIoTCoreAsync("pumps/+/ask", QualityOfService.AtLeastOnce);
        await foreach (var request in requests)
        {
            Console.WriteLine($"{request.Topic}: {request.Payload.Length} bytes");
            await nucleus.PublishToIoTCoreAsync(request.Topic + "/answer", request.Payload);
        }
    }
}
