namespace Keyturn.LocalCloud.Rules.Sql;

/// <summary>Functions of numbers.</summary>
internal static class SqlNumberFunctions
{
    public static IEnumerable<SqlFunction> All { get; } =
    [
        One("abs", decimal.Abs),
        One("ceil", decimal.Ceiling),
        One("floor", decimal.Floor),
        One("round", n => decimal.Round(n, MidpointRounding.AwayFromZero)),
        One("sign", n => decimal.Sign(n)),
        new("trunc", 2, 2, (_, a) => SqlOperations.Calculate(a[0], a[1], Truncate)),
        new("mod", 2, 2, (_, a) => SqlOperations.Calculate(a[0], a[1], (x, y) => x % y)),
        new("remainder", 2, 2, (_, a) => SqlOperations.Calculate(a[0], a[1], (x, y) => x % y)),
        Double("sqrt", (x, _) => Math.Sqrt(x)),
        Double("exp", (x, _) => Math.Exp(x)),
        Double("ln", (x, _) => Math.Log(x)),
        Double("log", (x, _) => Math.Log10(x)),
        Double("power", Math.Pow, 2),
        Bits("bitand", (x, y) => x & y),
        Bits("bitor", (x, y) => x | y),
        Bits("bitxor", (x, y) => x ^ y),
    ];

    private static SqlFunction One(string name, Func<decimal, decimal> apply) =>
        new(name, 1, 1, (_, a) => SqlValue.OfNumber(a[0].ToNumber() is { } number ? apply(number) : null));

    private static SqlFunction Double(string name, Func<double, double, double> apply, int arguments = 1) => new(name, arguments, arguments, (_, a) =>
    {
        if (a[0].ToNumber() is not { } x || a[^1].ToNumber() is not { } y)
            return SqlValue.Undefined;
        var result = apply((double)x, (double)y);
        return double.IsFinite(result) && Math.Abs(result) < 7.9e28 ? SqlValue.Of((decimal)result) : SqlValue.Undefined;
    });

    private static SqlFunction Bits(string name, Func<long, long, long> apply) => new(name, 2, 2, (_, a) =>
        a[0].ToInt() is { } x && a[1].ToInt() is { } y && decimal.Abs(x) <= long.MaxValue && decimal.Abs(y) <= long.MaxValue
            ? SqlValue.Of(apply((long)x, (long)y))
            : SqlValue.Undefined);

    private static decimal Truncate(decimal number, decimal places) =>
        decimal.Round(number, (int)decimal.Clamp(decimal.Floor(places), 0, 28), MidpointRounding.ToZero);
}
