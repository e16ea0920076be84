using System.Globalization;

namespace Keyturn.LocalCore.Components;

/// <summary>Processes by parentage, read from /proc: the nucleus ends a component with all that it started.</summary>
internal static class ProcessTree
{
    /// <summary>The living descendants of a process, without itself. Zombies are left out.</summary>
    public static IReadOnlyList<int> DescendantsOf(int ancestor)
    {
        var children = Directory.EnumerateDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0)
            .Select(id => (Id: id, Status: StatusOf(id)))
            .Where(p => p.Status is { State: not ('Z' or 'X') })
            .ToLookup(p => p.Status!.Value.Parent, p => p.Id);
        List<int> found = [];
        var pending = new Queue<int>(children[ancestor]);
        while (pending.TryDequeue(out var id))
        {
            found.Add(id);
            foreach (var child in children[id])
                pending.Enqueue(child);
        }
        return found;
    }

    public static bool IsAlive(int process) => StatusOf(process) is { State: not ('Z' or 'X') };

    private static (char State, int Parent)? StatusOf(int process)
    {
        try
        {
            // The command's name stands in brackets and may hold anything.
            var text = File.ReadAllText($"/proc/{process}/stat");
            var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
            return (fields[0][0], int.Parse(fields[1], CultureInfo.InvariantCulture));
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
