using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>ExpressionAttributeNames and ExpressionAttributeValues of one request, and which of them its expressions used.</summary>
internal sealed class ExpressionContext
{
    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);
    private readonly Dictionary<string, AttributeValue> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private bool _hasExpressions;

    public ExpressionContext(JsonObject request)
    {
        var names = request.Object("dynamodb", "ExpressionAttributeNames");
        var values = request.Object("dynamodb", "ExpressionAttributeValues");
        if (names is { Count: 0 })
            throw DynamoDbErrors.Validation("ExpressionAttributeNames must not be empty");
        if (values is { Count: 0 })
            throw DynamoDbErrors.Validation("ExpressionAttributeValues must not be empty");
        foreach (var (key, _) in names ?? [])
        {
            if (!IsReference(key, '#'))
                throw DynamoDbErrors.Validation($"ExpressionAttributeNames contains invalid key: Syntax error; key: \"{key}\"");
            _names[key] = names!.Text("dynamodb", key) ?? throw DynamoDbErrors.Missing("ExpressionAttributeNames");
        }

        foreach (var (key, value) in values ?? [])
        {
            if (!IsReference(key, ':'))
                throw DynamoDbErrors.Validation($"ExpressionAttributeValues contains invalid key: Syntax error; key: \"{key}\"");
            try
            {
                _values[key] = AttributeReader.Read(value);
            }
            catch (ApiException e) when (e.Code == "ValidationException")
            {
                throw DynamoDbErrors.Validation($"ExpressionAttributeValues contains invalid value: {e.Message} for key {key}");
            }
        }
    }

    public string? Name(string reference)
    {
        _used.Add(reference);
        return _names.GetValueOrDefault(reference);
    }

    public AttributeValue? Value(string reference)
    {
        _used.Add(reference);
        return _values.GetValueOrDefault(reference);
    }

    /// <summary>Tells that the request has an expression to which the names and values belong.</summary>
    public void Expects() => _hasExpressions = true;

    /// <summary>DynamoDB refuses a request with names or values that no expression uses.</summary>
    public void CheckUnused()
    {
        if (!_hasExpressions && _names.Count > 0)
            throw DynamoDbErrors.Validation("ExpressionAttributeNames can only be specified when using expressions");
        if (!_hasExpressions && _values.Count > 0)
            throw DynamoDbErrors.Validation("ExpressionAttributeValues can only be specified when using expressions");
        Check("ExpressionAttributeNames", _names.Keys);
        Check("ExpressionAttributeValues", _values.Keys);

        void Check(string member, IEnumerable<string> keys)
        {
            var unused = keys.Where(k => !_used.Contains(k)).ToList();
            if (unused.Count > 0)
                throw DynamoDbErrors.Validation($"Value provided in {member} unused in expressions: keys: {{{string.Join(", ", unused)}}}");
        }
    }

    private static bool IsReference(string key, char mark) =>
        key.Length > 1 && key[0] == mark && key.AsSpan(1).IndexOfAnyExcept(ReferenceCharacters) < 0;

    private static readonly System.Buffers.SearchValues<char> ReferenceCharacters =
        System.Buffers.SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
}
