using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.DynamoDb;

/// <summary>Every table, behind one lock: an operation sees and makes its changes all at once.</summary>
internal sealed class Tables(CloudAccount account, TimeProvider time)
{
    private readonly Dictionary<string, Table> _tables = new(StringComparer.Ordinal);

    public Lock Gate { get; } = new();

    /// <summary>In order of their names.</summary>
    public IEnumerable<Table> All => _tables.Values.OrderBy(t => t.Name, StringComparer.Ordinal);

    public Table Create(string name, JsonObject request)
    {
        var table = new Table(name, account.Arn("dynamodb", $"table/{name}"), TableSchema.Read(request), (JsonObject)request.DeepClone(), time.GetUtcNow())
        {
            IsProtected = request.Flag("dynamodb", "DeletionProtectionEnabled") ?? false,
        };
        lock (Gate)
        {
            return _tables.TryAdd(name, table)
                ? table
                : throw new ApiException(400, "ResourceInUseException", $"Table already exists: {name}");
        }
    }

    /// <summary>By the name or ARN in <c>TableName</c>. Hold <see cref="Gate"/>.</summary>
    public Table Find(JsonObject request, Func<string, string>? detail = null)
    {
        var name = ReadName(request);
        return _tables.GetValueOrDefault(name) ?? throw DynamoDbErrors.NoTable(detail?.Invoke(name) ?? "");
    }

    public Table? Find(string name) => _tables.GetValueOrDefault(name);

    public void Remove(Table table) => _tables.Remove(table.Name);

    public string ReadName(JsonObject request)
    {
        var name = request.Text("dynamodb", "TableName") ?? throw DynamoDbErrors.Missing("TableName");
        var prefix = account.Arn("dynamodb", "table/");
        if (name.StartsWith(prefix, StringComparison.Ordinal))
            name = name[prefix.Length..];
        return NamePattern.IsMatch(name)
            ? name
            : throw DynamoDbErrors.Validation("Invalid table/index name.  Table/index names must be between 3 and 255 characters long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'");
    }

    private static readonly System.Text.RegularExpressions.Regex NamePattern = new(@"\A[a-zA-Z0-9_.-]{3,255}\z");
}
