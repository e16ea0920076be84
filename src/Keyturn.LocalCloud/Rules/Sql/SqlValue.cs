using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>
/// A value of AWS IoT SQL: any JSON value, or Undefined. The default is Undefined; a defined value without a node is Null.
/// Conversions follow https://docs.aws.amazon.com/iot/latest/developerguide/iot-sql-data-types.html.
/// </summary>
internal readonly partial record struct SqlValue
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private SqlValue(JsonNode? node)
    {
        IsDefined = true;
        Node = node;
    }

    public bool IsDefined { get; }

    public JsonNode? Node { get; }

    public bool IsNull => IsDefined && Node is null;

    public static SqlValue Undefined => default;

    public static SqlValue Null => new(null);

    public static SqlValue Of(JsonNode? node) => new(node);

    public static SqlValue Of(string text) => new(JsonValue.Create(text));

    public static SqlValue Of(bool value) => new(JsonValue.Create(value));

    /// <summary>Whole numbers are Ints, as in SQL version 2016-03-23: 10.0 is 10.</summary>
    public static SqlValue Of(decimal number) => new(JsonValue.Create(number / 1.0000000000000000000000000000m));

    public static SqlValue OfBoolean(bool? value) => value is { } known ? Of(known) : Undefined;

    public static SqlValue OfNumber(decimal? value) => value is { } known ? Of(known) : Undefined;

    public static SqlValue OfText(string? value) => value is { } known ? Of(known) : Undefined;

    public JsonValueKind Kind => !IsDefined ? JsonValueKind.Undefined : Node?.GetValueKind() ?? JsonValueKind.Null;

    public bool IsText => Kind == JsonValueKind.String;

    /// <summary>A number, without conversion; null when it is none, or beyond what a decimal holds.</summary>
    public decimal? Number => Node is JsonValue value && Kind == JsonValueKind.Number && value.TryGetValue(out decimal number) ? number : null;

    /// <summary>Converted as functions and arithmetic do.</summary>
    public decimal? ToNumber()
    {
        if (!IsText)
            return Number;
        var text = Node!.GetValue<string>();
        return DecimalText().IsMatch(text) && decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>Rounded down, as functions do with their Int arguments.</summary>
    public decimal? ToInt() => ToNumber() is { } number ? decimal.Floor(number) : null;

    public bool? ToBoolean() => Kind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String when bool.TryParse(Node!.GetValue<string>(), out var value) => value,
        _ => null,
    };

    public string? ToText() => Kind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.String => Node!.GetValue<string>(),
        JsonValueKind.Number when Number is { } number => Of(number).Node!.ToJsonString(),
        _ => Node!.ToJsonString(Plain),
    };

    /// <summary>Null when either is Undefined.</summary>
    public static bool? AreEqual(SqlValue left, SqlValue right)
    {
        if (!left.IsDefined || !right.IsDefined)
            return null;
        return JsonNode.DeepEquals(left.Node, right.Node) || (left.Number is { } a && right.Number is { } b && a == b);
    }

    /// <summary>The strings that AWS converts to numbers.</summary>
    [GeneratedRegex(@"\A-?[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DecimalText();
}
