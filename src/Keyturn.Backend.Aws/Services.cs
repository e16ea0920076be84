using Amazon.Runtime;
using Keyturn.Backend.Ports;

namespace Keyturn.Backend.Aws;

/// <summary>Calls as the ports promise them: an expected error is a value, every other a <see cref="DependencyException"/>.</summary>
internal static class Services
{
    public const string NotFound = "ResourceNotFoundException";

    /// <summary>Adaptive, unless AWS_RETRY_MODE says otherwise: under a quota, invocations slow down instead of hammering it.</summary>
    public static T Paced<T>(this T config)
        where T : ClientConfig
    {
        config.MaxErrorRetry = 4;
        config.Timeout = TimeSpan.FromSeconds(10);
        if (Amazon.Runtime.Internal.FallbackInternalConfigurationFactory.RetryMode is null)
        {
            config.RetryMode = RequestRetryMode.Adaptive;
        }

        return config;
    }

    public static async Task<T> CallAsync<T>(string service, string operation, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (AmazonServiceException exception)
        {
            throw new DependencyException(service, operation, exception.ErrorCode ?? "", exception.Message, exception);
        }
        catch (Exception exception) when (exception is AmazonClientException or HttpRequestException or IOException or TimeoutException)
        {
            throw new DependencyException(service, operation, "Unreachable", exception.Message, exception);
        }
        catch (System.Text.Json.JsonException exception)
        {
            throw new DependencyException(service, operation, "Malformed", exception.Message, exception);
        }
    }

    public static Task CallAsync(string service, string operation, Func<Task> call) =>
        CallAsync(service, operation, async () =>
        {
            await call();
            return true;
        });

    /// <summary>The error's code if it is one of these; null when the call went well.</summary>
    public static async Task<string?> TryAsync(string service, string operation, Func<Task> call, params string[] expected)
    {
        try
        {
            await CallAsync(service, operation, call);
            return null;
        }
        catch (DependencyException exception) when (expected.Contains(exception.Code))
        {
            return exception.Code;
        }
    }
}
