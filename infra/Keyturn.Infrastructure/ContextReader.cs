using System.Globalization;

namespace Keyturn.Infrastructure;

/// <summary>The context says something that no stack can be made of; the message names the key.</summary>
internal sealed class ContextException(string message) : Exception(message);

/// <summary>Reads context of <c>cdk.json</c>, where values have types, and of <c>-c key=value</c>, where all are text.</summary>
internal sealed class ContextReader(Func<string, object?> find)
{
    public bool Has(string key) => Text(key).Length > 0;

    public string Text(string key) => find(key) switch
    {
        null => "",
        string text => text.Trim(),
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ContextException($"The context key {key} is not a text, a number or a truth value."),
    };

    public int Number(string key, int otherwise, int least, int most)
    {
        if (!Has(key))
        {
            return otherwise;
        }

        return int.TryParse(Text(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most
            ? number
            : throw new ContextException($"The context key {key} is '{Text(key)}'; it takes a whole number from {least} to {most}.");
    }

    public double Factor(string key, double otherwise, double least, double most)
    {
        if (!Has(key))
        {
            return otherwise;
        }

        return double.TryParse(Text(key), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var factor) && factor >= least && factor <= most
            ? factor
            : throw new ContextException(string.Create(CultureInfo.InvariantCulture, $"The context key {key} is '{Text(key)}'; it takes a number from {least} to {most}."));
    }

    public bool Flag(string key, bool otherwise) => Text(key) switch
    {
        "" => otherwise,
        "true" => true,
        "false" => false,
        var other => throw new ContextException($"The context key {key} is '{other}'; it takes true or false."),
    };

    public string OneOf(string key, string otherwise, IReadOnlyCollection<string> choices) =>
        !Has(key) ? otherwise
        : choices.Contains(Text(key)) ? Text(key)
        : throw new ContextException($"The context key {key} is '{Text(key)}'; it takes one of {string.Join(", ", choices)}.");
}
