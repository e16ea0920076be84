using System.Text;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Tests;

/// <summary>Calls an operation as the API server does, past the signature.</summary>
internal static class ApiCall
{
    public static async Task<ApiResponse> CallAsync(
        this IEnumerable<ApiOperation> operations, string name, JsonObject? body = null,
        IReadOnlyDictionary<string, string>? labels = null, params (string Name, string Value)[] query)
    {
        var operation = operations.Single(o => o.Name == name);
        var request = new ApiRequest(
            operation, labels ?? new Dictionary<string, string>(), query.ToLookup(q => q.Name, q => q.Value), new Dictionary<string, string>(),
            body is null ? default : Encoding.UTF8.GetBytes(body.ToJsonString()), new ApiCaller("test", null));
        return await operation.Handler(request, CancellationToken.None);
    }

    public static async Task<ApiException> RefusedAsync(this Task<ApiResponse> call) => await Assert.ThrowsAnyAsync<ApiException>(() => call);
}
