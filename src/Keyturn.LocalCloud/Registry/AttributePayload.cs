using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Registry;

/// <summary>The <c>attributePayload</c> of things and thing groups.</summary>
internal static class AttributePayload
{
    public static (Dictionary<string, string>? Attributes, bool Merge) Read(JsonObject holder)
    {
        if (holder.Object("iot", "attributePayload") is not { } payload)
            return (null, false);
        var merge = payload.Flag("iot", "merge") ?? false;
        if (payload.Object("iot", "attributes") is not { } given)
            return (null, merge);
        var attributes = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            if (name.Length > 128 || !Names.AttributeName.Pattern!.IsMatch(name))
                throw RequestMembers.Invalid($"Attribute name '{name}' must satisfy regular expression pattern: {Names.AttributeName.Shown}");
            if (value?.GetValueKind() != JsonValueKind.String)
                throw RequestMembers.Invalid($"The value of attribute '{name}' is not a string.");
            attributes[name] = given.Text("iot", name, Names.AttributeValue)!;
        }

        return (attributes, merge);
    }

    public static void Apply(Dictionary<string, string> held, Dictionary<string, string>? given, bool merge)
    {
        if (!merge)
            held.Clear();
        foreach (var (name, value) in given ?? [])
        {
            // An empty value removes the attribute.
            if (value.Length == 0)
                held.Remove(name);
            else
                held[name] = value;
        }
    }

    /// <summary>3 attributes without a thing type, 50 with one.</summary>
    public static void CheckCount(Dictionary<string, string>? attributes, bool hasType)
    {
        var most = hasType ? 50 : 3;
        if (attributes?.Count > most)
            throw RequestMembers.Invalid($"A thing {(hasType ? "with" : "without")} a thing type has at most {most} attributes.");
    }

    public static bool Same(Dictionary<string, string> held, Dictionary<string, string>? given) =>
        held.Count == (given?.Count ?? 0) && held.All(a => given!.GetValueOrDefault(a.Key) == a.Value);

    public static JsonObject Show(Dictionary<string, string> attributes) =>
        new(attributes.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => KeyValuePair.Create(a.Key, (JsonNode?)a.Value)));
}
