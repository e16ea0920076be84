using System.Text.RegularExpressions;

namespace Keyturn.Infrastructure;

/// <summary>Which repository the pipeline builds, and whose devices it tries the result on.</summary>
internal sealed partial record PipelineContext(string ConnectionId, string OwnerName, string RepositoryName, string BranchName, string ThingGroupName, string? PcaCaId)
{
    private static readonly string[] Keys = ["ConnectionId", "OwnerName", "RepositoryName", "BranchName", "ThingGroupName"];

    /// <summary>Null when the context speaks of no pipeline at all.</summary>
    public static PipelineContext? Read(ContextReader context)
    {
        var given = Keys.Where(context.Has).ToArray();
        if (given.Length == 0)
        {
            return null;
        }

        if (Keys.Except(given).ToArray() is { Length: > 0 } missing)
        {
            throw new ContextException(
                $"The context key {missing[0]} is not set, but {given[0]} is; the pipeline needs {string.Join(", ", Keys)}. Set {string.Join(" and ", missing)}, or leave {string.Join(" and ", given)} out.");
        }

        return new PipelineContext(
            Matching("ConnectionId", Id(), "the last part of the connection's ARN, such as 11111111-2222-3333-4444-555555555555"),
            Matching("OwnerName", Name(), "the name of an account or an organization"),
            Matching("RepositoryName", Name(), "the name of a repository, without its owner"),
            Matching("BranchName", Branch(), "the name of a branch"),
            Matching("ThingGroupName", Group(), "the name of a thing group"),
            context.Has("PcaCaId") ? context.Text("PcaCaId") : null);

        string Matching(string key, Regex form, string wanted) => form.IsMatch(context.Text(key))
            ? context.Text(key)
            : throw new ContextException($"The context key {key} is '{context.Text(key)}'; it takes {wanted}.");
    }

    [GeneratedRegex(@"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z")]
    private static partial Regex Id();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._/-]{0,199}\z")]
    private static partial Regex Branch();

    // It becomes part of a command line of the pipeline: no character that a shell would read.
    [GeneratedRegex(@"\A[a-zA-Z0-9:_-]{1,128}\z")]
    private static partial Regex Group();
}
