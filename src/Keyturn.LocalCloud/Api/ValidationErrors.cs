namespace Keyturn.LocalCloud.Api;

/// <summary>
/// Most services call a member that breaks its constraint a ValidationException; AWS IoT, whose word the readers of
/// <see cref="RequestMembers"/> use, an InvalidRequestException.
/// </summary>
internal static class ValidationErrors
{
    /// <param name="code">What this service says instead.</param>
    public static IEnumerable<ApiOperation> Saying(this IEnumerable<ApiOperation> operations, string code) =>
        operations.Select(operation => operation with
        {
            Handler = async (request, cancellation) =>
            {
                try
                {
                    return await operation.Handler(request, cancellation);
                }
                catch (ConstraintException e)
                {
                    throw new ApiException(e.Status, code, e.Message);
                }
            },
        });

    /// <summary>An operation of a JSON-RPC service that answers at once; null answers an empty object.</summary>
    public static ApiOperation Json(string service, string name, Func<ApiRequest, System.Text.Json.Nodes.JsonNode?> answer) =>
        new(service, name, "POST", name, (request, _) => ValueTask.FromResult(new ApiResponse(Json: answer(request) ?? new System.Text.Json.Nodes.JsonObject())));
}
