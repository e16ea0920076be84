using System.Globalization;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Faults;
using Keyturn.LocalCloud.Iam;

namespace Keyturn.LocalCloud.Management;

/// <summary>Faults from the command line and over the management port: read, checked against what there is, set.</summary>
/// <param name="calls">Names of all operations.</param>
/// <param name="functions">Names of all functions.</param>
internal sealed class FaultOperations(FaultBook book, IReadOnlySet<string> calls, Func<IEnumerable<string>> functions)
{
    /// <param name="option"><c>mild</c>, <c>none</c>, faults, or a file of them.</param>
    /// <exception cref="FormatException">Says what is wrong.</exception>
    public void Start(string option)
    {
        if (option == "none")
            return;
        var isText = option.Split((char[])[' ', ';'], 2)[0] is var first && (first == "mild" || FaultSpec.IsKind(first));
        try
        {
            Set(isText ? option : File.ReadAllText(option));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"'{option}' is neither a fault nor a file that can be read ({e.Message}); write mild, none, a fault like 'drop topic=a/#', or a file", e);
        }
    }

    public JsonObject Show() => book.Show();

    /// <summary>Sets what the text says, all or nothing.</summary>
    public JsonArray Set(string text)
    {
        var specs = FaultSpec.ParseAll(text);
        if (specs.Count == 0)
            throw new FormatException("no fault is named");
        foreach (var spec in specs)
        {
            if (!calls.Any(c => Wildcard.Matches(spec.Call, c, ignoreCase: true)))
                throw new FormatException($"'{spec.Text}': no call of this cloud is like {spec.Call}; write one like iot:CreateThing or iot:*");
            if (spec.Function != "*" && !functions().Any(f => Wildcard.Matches(spec.Function, f, ignoreCase: true)))
                throw new FormatException($"'{spec.Text}': there is no function like {spec.Function}; there are {string.Join(", ", functions())}");
        }

        return [.. book.Add(specs).Select(f => (JsonNode)f.Id)];
    }

    /// <param name="id">Empty for all.</param>
    public bool Remove(string id) => id.Length == 0
        ? book.Remove(null) || true
        : int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && book.Remove(number);
}
