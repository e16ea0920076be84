using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>DescribeEndpoint: where each plane of this cloud listens.</summary>
internal sealed class Endpoints(Func<int> mqttPort, Func<int> httpsPort)
{
    public IEnumerable<ApiOperation> All => [new("iot", "DescribeEndpoint", "GET", "/endpoint", Describe)];

    private ValueTask<ApiResponse> Describe(ApiRequest request, CancellationToken cancellation)
    {
        var port = request.QueryText("endpointType") switch
        {
            null or "" or "iot:Data" or "iot:Data-ATS" or "iot:Data-Beta" => mqttPort(),
            "iot:Jobs" or "iot:CredentialProvider" or "iot:DeviceAdvisor" => httpsPort(),
            var other => throw RequestMembers.Invalid($"Endpoint type {other} is not valid."),
        };
        return ValueTask.FromResult(new ApiResponse(Json: new JsonObject { ["endpointAddress"] = $"localhost:{port}" }));
    }
}
