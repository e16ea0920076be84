namespace Keyturn.Simulation.Model;

/// <param name="Trace">How the first bad state was reached; empty if there is none.</param>
internal sealed record Searched(int States, int Steps, IReadOnlyList<string> Trace);

/// <summary>All states that can be reached, breadth first, so that a trace is as short as can be.</summary>
internal static class ModelSearch
{
    /// <param name="inUse">Also bad: retiring the certificate that the device's connection is made with.</param>
    /// <param name="frozen">Also bad: freezing a rotation.</param>
    public static Searched Run(ModelRules rules, bool inUse, bool frozen)
    {
        var index = new Dictionary<ModelState, int> { [ModelState.Initial] = 0 };
        var states = new List<ModelState> { ModelState.Initial };
        var came = new List<(int From, string By)> { (-1, "") };
        var steps = new List<(int From, int To)>();
        for (var i = 0; i < states.Count; i++)
        {
            var state = states[i];
            foreach (var (name, next) in rules.From(state))
            {
                if (!index.TryGetValue(next, out var to))
                {
                    index[next] = to = states.Count;
                    states.Add(next);
                    came.Add((i, name));
                }
                steps.Add((i, to));
                if (!next.HoldsAccepted || (inUse && IsTakenFromUnder(state, next)) || (frozen && next.Ledger == LedgerState.Frozen))
                    return new Searched(states.Count, steps.Count, [.. Trace(i), name, $"bad: {next}"]);
            }
        }
        return Stuck(states, steps) is { } stuck
            ? new Searched(states.Count, steps.Count, [.. Trace(stuck), $"rest can't be reached from {states[stuck]}"])
            : new Searched(states.Count, steps.Count, []);

        List<string> Trace(int at)
        {
            var trace = new List<string>();
            for (; came[at].From >= 0; at = came[at].From)
                trace.Insert(0, came[at].By);
            return trace;
        }
    }

    private static bool IsTakenFromUnder(ModelState state, ModelState next) =>
        state.Due != 0 && next.Due == 0 && next.Device != DeviceState.Stranded && next.Session == next.Link && !next.Active.HasFlag(next.Session) && state.Active.HasFlag(state.Session);

    /// <summary>The first state from which no rest can be reached.</summary>
    private static int? Stuck(List<ModelState> states, List<(int From, int To)> steps)
    {
        // The steps to a state are those from begins[it] on.
        var begins = new int[states.Count + 1];
        foreach (var (_, to) in steps)
            begins[to + 1]++;
        for (var i = 0; i < states.Count; i++)
            begins[i + 1] += begins[i];
        var filled = begins[..^1];
        var from = new int[steps.Count];
        foreach (var step in steps)
            from[filled[step.To]++] = step.From;

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
            for (var step = begins[at]; step < begins[at + 1]; step++)
            {
                if (!reaches[from[step]])
                {
                    reaches[from[step]] = true;
                    queue.Enqueue(from[step]);
                }
            }
        }
        var stuck = Array.IndexOf(reaches, false);
        return stuck < 0 ? null : stuck;
    }
}
