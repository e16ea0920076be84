namespace Keyturn.Simulation.Model;

/// <param name="Trace">How the first bad state was reached; empty if there is none.</param>
internal sealed record Searched(int States, int Steps, IReadOnlyList<string> Trace);

/// <summary>All states that can be reached, breadth first, so that a trace is as short as can be.</summary>
internal static class ModelSearch
{
    /// <param name="inUse">Also bad: retiring the certificate that the device's connection is made with.</param>
    public static Searched Run(ModelRules rules, bool inUse)
    {
        var index = new Dictionary<ModelState, int> { [ModelState.Initial] = 0 };
        var states = new List<ModelState> { ModelState.Initial };
        var came = new List<(int From, string By)> { (-1, "") };
        var before = new List<List<int>> { new() };
        var steps = 0;
        for (var i = 0; i < states.Count; i++)
        {
            var state = states[i];
            foreach (var (name, next) in rules.From(state))
            {
                steps++;
                if (!index.TryGetValue(next, out var to))
                {
                    index[next] = to = states.Count;
                    states.Add(next);
                    came.Add((i, name));
                    before.Add([]);
                }
                before[to].Add(i);
                if (!next.HoldsAccepted || (inUse && state.Due && !next.Due && next.Device != DeviceState.Stranded && next.Session == next.Link && !next.IsActive(next.Session) && state.IsActive(state.Session)))
                    return new Searched(states.Count, steps, [.. Trace(i), name, $"bad: {next}"]);
            }
        }
        return Stuck(states, before) is { } stuck
            ? new Searched(states.Count, steps, [.. Trace(stuck), $"rest can't be reached from {states[stuck]}"])
            : new Searched(states.Count, steps, []);

        List<string> Trace(int at)
        {
            var trace = new List<string>();
            for (; came[at].From >= 0; at = came[at].From)
                trace.Insert(0, came[at].By);
            return trace;
        }
    }

    /// <summary>The first state from which no rest can be reached.</summary>
    private static int? Stuck(List<ModelState> states, List<List<int>> before)
    {
        var reaches = new bool[states.Count];
        var queue = new Queue<int>();
        for (var i = 0; i < states.Count; i++)
        {
            if (states[i].IsAtRest)
            {
                reaches[i] = true;
                queue.Enqueue(i);
            }
        }
        while (queue.TryDequeue(out var at))
        {
            foreach (var earlier in before[at])
            {
                if (!reaches[earlier])
                {
                    reaches[earlier] = true;
                    queue.Enqueue(earlier);
                }
            }
        }
        var stuck = Array.IndexOf(reaches, false);
        return stuck < 0 ? null : stuck;
    }
}
