using System.Text.Json;

// Adds up what several test runs reached, and fails unless that is every line and every branch of the folders named.
const string Usage = "coverage FOLDER[,FOLDER...] REPORT...    the reports are Coverlet's JSON; a folder is given from the repository's root";
if (args is not [var folderList, .. { Length: > 0 } reports])
{
    Console.Error.WriteLine(Usage);
    return 1;
}

var root = Directory.GetCurrentDirectory();
string[] folders = [.. folderList.Split(',').Select(f => Path.GetFullPath(f) + "/")];
var places = new Dictionary<Place, bool>();
foreach (var report in reports)
{
    using var json = JsonDocument.Parse(File.ReadAllBytes(report));
    foreach (var place in Places.Of(json.RootElement).Where(p => folders.Any(f => p.Place.File.StartsWith(f, StringComparison.Ordinal))))
    {
        places[place.Place] = place.IsReached || places.GetValueOrDefault(place.Place);
    }
}

var faults = new List<string>();
foreach (var folder in folders)
{
    var short_ = Path.GetRelativePath(root, folder);
    if (!places.Keys.Any(p => p.File.StartsWith(folder, StringComparison.Ordinal)))
    {
        faults.Add($"{short_}: no report says anything of it; did its tests run, and with --coverlet?");
    }

    // What is left out must be left out here, with its reason: nothing is.
    faults.AddRange(Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
        .Where(f => File.ReadAllText(f).Contains("ExcludeFromCodeCoverage", StringComparison.Ordinal))
        .Select(f => $"{Path.GetRelativePath(root, f)}: excludes code from coverage"));
}

faults.AddRange(places.Where(p => !p.Value).GroupBy(p => (p.Key.File, p.Key.Line)).OrderBy(g => g.Key.File, StringComparer.Ordinal).ThenBy(g => g.Key.Line)
    .Select(g => $"{Path.GetRelativePath(root, g.Key.File)}:{g.Key.Line}: {Describe([.. g.Select(p => p.Key)])}: {File.ReadLines(g.Key.File).ElementAt(g.Key.Line - 1).Trim()}"));
foreach (var fault in faults)
{
    Console.Error.WriteLine(fault);
}

var (lines, branches) = (places.Keys.Count(p => p.Branch is null), places.Keys.Count(p => p.Branch is not null));
if (faults.Count == 0)
{
    Console.WriteLine($"coverage: {lines} lines and {branches} branches, all reached");
    return 0;
}

Console.Error.WriteLine($"coverage: {places.Count(p => !p.Value)} of {lines} lines and {branches} branches were not reached; test what they do, or remove them");
return 1;

static string Describe(Place[] missed) => missed.Any(p => p.Branch is null) ? "not run" : $"{missed.Length} ways not taken";

/// <param name="Branch">Null for the line itself.</param>
internal sealed record Place(string File, int Line, string? Branch);

internal static class Places
{
    public static IEnumerable<(Place Place, bool IsReached)> Of(JsonElement report) =>
        from module in report.EnumerateObject()
        from file in module.Value.EnumerateObject()
        where !file.Name.Contains("/obj/", StringComparison.Ordinal)
        from type in file.Value.EnumerateObject()
        from method in type.Value.EnumerateObject()
        from place in OfMethod(file.Name, method)
        select place;

    private static IEnumerable<(Place Place, bool IsReached)> OfMethod(string file, JsonProperty method) =>
        method.Value.GetProperty("Lines").EnumerateObject()
            .Select(l => (new Place(file, int.Parse(l.Name, System.Globalization.CultureInfo.InvariantCulture), null), l.Value.GetInt32() > 0))
            .Concat(method.Value.GetProperty("Branches").EnumerateArray().Select(b => (
                new Place(file, b.GetProperty("Line").GetInt32(), $"{method.Name} {b.GetProperty("Offset")} {b.GetProperty("Path")} {b.GetProperty("Ordinal")}"),
                b.GetProperty("Hits").GetInt32() > 0)));
}
