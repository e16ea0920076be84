using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Greengrass;

/// <summary>
/// Successful answers by the client token they were asked for with. For eight hours the same request gets the same answer and does nothing, whatever has
/// become of what it made.
/// </summary>
/// <param name="type">Of the resource that the requests make.</param>
internal sealed class ClientTokens(string type, TimeProvider time)
{
    private static readonly MemberRule Token = new(1, 64, "[a-zA-Z0-9-]+");
    private static readonly TimeSpan Kept = TimeSpan.FromHours(8);

    private readonly Dictionary<string, (string Given, ApiResponse Answer, DateTimeOffset At)> _answers = new(StringComparer.Ordinal);

    /// <param name="make">Throws to refuse; then the token is as good as new.</param>
    public ApiResponse Once(ApiRequest request, Func<ApiResponse> make)
    {
        if (request.Text("clientToken", Token) is not { } token)
            return make();
        var (given, now) = (request.Json.ToJsonString(), time.GetUtcNow());
        foreach (var (old, _) in _answers.Where(a => now - a.Value.At >= Kept).ToList())
            _answers.Remove(old);
        if (!_answers.TryGetValue(token, out var known))
            _answers[token] = known = (given, make(), now);
        else if (known.Given != given)
            throw GreengrassErrors.Conflict($"The client token {token} was used with other parameters.", type, token);
        return known.Answer with { Json = known.Answer.Json!.DeepClone() };
    }
}
