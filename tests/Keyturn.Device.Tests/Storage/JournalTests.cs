using Keyturn.Device.Rotation;
using Keyturn.Device.Storage;
using Microsoft.Extensions.Time.Testing;

namespace Keyturn.Device.Tests.Storage;

public sealed class JournalTests : IDisposable
{
    private static readonly CurrentRotation Rotation = new("job-1", 2, 1795478400, 3, "gen-1", "gen-2", "r-1", "abc", true, "a note");
    private readonly TemporaryDirectory _directory = new();
    private readonly Journal _journal;

    public JournalTests() => _journal = Open();

    public void Dispose() => _directory.Dispose();

    public static TheoryData<string> States => [.. All.Keys];

    [Theory]
    [MemberData(nameof(States))]
    public void Every_state_is_read_back_as_it_was_written(string name)
    {
        _journal.Append(_journal.Load(), All[name]);

        var entry = Open().Load();

        Assert.Equal(All[name], entry.State);
        Assert.Equal(("boot-1", 1L), (entry.BootId, entry.Sequence));
    }

    [Fact]
    public void Every_durable_state_of_the_machine_has_a_name_in_the_journal()
    {
        var durable = typeof(RotationState).GetNestedTypes().Where(t => t.IsSubclassOf(typeof(RotationState)) && t.Name != nameof(RotationState.Starting)).Select(t => t.Name);
        Assert.Equal(durable.Order(), All.Keys.Order());
    }

    [Fact]
    public void Any_damaged_byte_is_noticed_and_the_file_left_alone()
    {
        _journal.Append(_journal.Load(), All["Trial"]);
        var file = _directory.Combine("journal");
        var whole = File.ReadAllBytes(file);
        for (var i = 0; i < whole.Length; i++)
        {
            var damaged = whole.ToArray();
            damaged[i] ^= 1;
            File.WriteAllBytes(file, damaged);
            Assert.Throws<JournalUnreadableException>(() => Open().Load());
            Assert.Equal(damaged, File.ReadAllBytes(file));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(100)]
    public void A_truncated_journal_is_refused(int length)
    {
        _journal.Append(_journal.Load(), All["Trial"]);
        var file = _directory.Combine("journal");
        File.WriteAllBytes(file, File.ReadAllBytes(file)[..length]);
        Assert.Throws<JournalUnreadableException>(() => Open().Load());
    }

    [Fact]
    public void A_journal_of_a_newer_format_is_refused_by_that_reason()
    {
        _journal.Append(_journal.Load(), All["Trial"]);
        var file = _directory.Combine("journal");
        File.WriteAllText(file, File.ReadAllText(file).Replace("keyturn-journal 1 ", "keyturn-journal 2 ", StringComparison.Ordinal));
        Assert.Contains("newer version", Assert.Throws<JournalUnreadableException>(() => Open().Load()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_that_somebody_else_wrote_meanwhile_stops_us()
    {
        var known = _journal.Append(_journal.Load(), All["Keyed"]);
        var other = Open();
        other.Append(other.Load(), All["Trial"]);

        Assert.Throws<JournalMovedException>(() => _journal.Append(known, All["Issued"]));
        Assert.Equal(All["Trial"], Open().Load().State);
    }

    [Fact]
    public void The_file_is_the_owners_alone()
    {
        _journal.Append(_journal.Load(), All["Keyed"]);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_directory.Combine("journal")));
    }

    [Fact]
    public void A_link_in_its_place_is_not_followed()
    {
        var target = _directory.Combine("elsewhere");
        File.WriteAllText(target, "keep me");
        File.CreateSymbolicLink(_directory.Combine("journal.next"), target);
        _journal.Append(_journal.Load(), All["Keyed"]);
        Assert.Equal("keep me", File.ReadAllText(target));

        File.Delete(_directory.Combine("journal"));
        File.CreateSymbolicLink(_directory.Combine("journal"), target);
        Assert.ThrowsAny<IOException>(() => Open().Load());
    }

    [Fact]
    public void An_entry_that_is_too_long_to_be_read_again_is_not_written()
    {
        var known = _journal.Append(_journal.Load(), All["Committing"]);
        Assert.ThrowsAny<IOException>(() => _journal.Append(known, new RotationState.Aborting(Rotation, new string('<', 20_000), AbortStage.Restore)));
        Assert.Equal(All["Committing"], Open().Load().State);
        _journal.Append(known, All["Aborting"]);
    }

    private static readonly Dictionary<string, RotationState> All = new()
    {
        ["Idle"] = new RotationState.Idle(true, "rotated", true, 3),
        ["Keyed"] = new RotationState.Keyed(Rotation, 1),
        ["Issued"] = new RotationState.Issued(Rotation),
        ["Proven"] = new RotationState.Proven(Rotation),
        ["Switching"] = new RotationState.Switching(Rotation, 2, new Alternation(3, true, true, true)),
        ["Trial"] = new RotationState.Trial(Rotation, "session", 1, true, 3, 2, new Alternation(1)),
        ["Committing"] = new RotationState.Committing(Rotation, 1, 2, new Refusal("no", "CLOSED_OLD", false, true), 4),
        ["Committed"] = new RotationState.Committed(Rotation, true, 1, 2),
        ["Stranded"] = new RotationState.Stranded(Rotation, new Alternation(2, OldWasHeard: true), "session", true, true, 1, 2),
        ["Aborting"] = new RotationState.Aborting(Rotation, "why", AbortStage.Return, "session"),
    };

    private Journal Open() => new(new PosixFileSystem(), _directory.Path, "boot-1", new FakeTimeProvider());
}
