namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>The rows of docs/protocol.md, "Who may try what", about who decides which certificate stays.</summary>
[Collection(SharedAttackedCloud.Name)]
public sealed class WhoMayDecide(AttackedCloud cloud)
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_thief_who_asks_too_freezes_the_rotation_whoever_is_first(bool thiefFirst)
    {
        var victim = await cloud.AddThingAsync();
        using var own = Credential.NewKey();
        using var stolen = Credential.NewKey();
        await using var device = await victim.ConnectAsync();
        await using var thief = await victim.ConnectAsync(clientId: victim.Name + "#2");
        await victim.BeginAsync(device, $"job-{victim.Name}");
        var (first, second) = thiefFirst ? (thief, device) : (device, thief);
        Assert.True((await first.CreateAsync(victim.Name, $"job-{victim.Name}", victim.Csr(thiefFirst ? stolen : own))).Accepted);
        Assert.Equal("ROTATION_FROZEN", (await second.CreateAsync(victim.Name, $"job-{victim.Name}", victim.Csr(thiefFirst ? own : stolen))).Code);
        Assert.Equal("ROTATION_FROZEN", (await first.CreateAsync(victim.Name, $"job-{victim.Name}", victim.Csr(thiefFirst ? stolen : own))).Code);

        var given = Assert.Single(await victim.CertificatesAsync(), c => c != victim.Credential.Id);
        await device.UpdateJobAsync(victim.Name, $"job-{victim.Name}", "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => (await victim.NoticesAsync()).Count > 0, "the operators hear");
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(victim.Credential.Id));
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(given));
        Assert.Single(await victim.NoticesAsync());
    }

    [Fact]
    public async Task With_the_old_key_alone_nobody_moves_a_rotation_that_only_issued()
    {
        var (victim, thief, renewed) = await IssueAsync();
        await using var old = thief;
        Assert.Equal("WRONG_PRINCIPAL", (await old.CommitAsync(victim.Name, Job(victim))).Code);
        // While the device may still be at it there is not even a nonce to echo.
        var attested = await old.AttestAsync(victim.Name, victim.Credential.Id);
        Assert.Equal((true, null), (attested.Accepted, attested.Nonce));
        await old.UpdateJobAsync(victim.Name, Job(victim), "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => (await victim.NoticesAsync()).Count > 0, "the operators hear of a success without a commit");
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(victim.Credential.Id));
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(renewed.Id));

        // Now nobody knows which one the device uses: an attest that was queued for hours knows no nonce.
        for (var replay = 0; replay < 3; replay++)
            Assert.NotNull((await old.AttestAsync(victim.Name, victim.Credential.Id, replay == 0 ? null : "0123456789abcdef0123456789abcdef")).Nonce);
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(renewed.Id));

        await using var device = await victim.ConnectAsync(renewed, victim.Name + "#3");
        Assert.True((await device.AttestAsync(victim.Name, renewed.Id)).Accepted);
        await AttackedThing.UntilAsync(async () => await victim.StatusOfAsync(victim.Credential.Id) != "ACTIVE", "the old certificate is retired");
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(renewed.Id));
    }

    [Fact]
    public async Task After_the_commit_the_old_key_only_alarms_once()
    {
        var (victim, thief, renewed) = await IssueAsync();
        await using var old = thief;
        await using var device = await victim.ConnectAsync(renewed, victim.Name + "#3");
        Assert.True((await device.CommitAsync(victim.Name, Job(victim))).Accepted);
        using var another = Credential.NewKey();
        // Without the nonce it may be a message of before the commit, and counts for nothing; with it somebody holds the key.
        var nonce = (await old.AttestAsync(victim.Name, victim.Credential.Id)).Nonce;
        Assert.NotNull(nonce);
        Assert.Empty(await victim.NoticesAsync());
        Assert.Equal("WRONG_PRINCIPAL", (await old.AttestAsync(victim.Name, victim.Credential.Id, nonce)).Code);
        Assert.Equal("WRONG_PRINCIPAL", (await old.CreateAsync(victim.Name, Job(victim), victim.Csr(another))).Code);
        Assert.Equal("WRONG_PRINCIPAL", (await old.CommitAsync(victim.Name, Job(victim))).Code);
        Assert.Equal("WRONG_PRINCIPAL", (await old.AttestAsync(victim.Name, renewed.Id)).Code);
        // Nor in a later job, where a request by the old one would else tell that the device went back to it.
        await victim.BeginAsync(old, $"next-{victim.Name}");
        Assert.Equal("WRONG_PRINCIPAL", (await old.CreateAsync(victim.Name, $"next-{victim.Name}", victim.Csr(another))).Code);
        Assert.Single(await victim.NoticesAsync());
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(renewed.Id));

        await device.UpdateJobAsync(victim.Name, Job(victim), "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => await victim.StatusOfAsync(victim.Credential.Id) is null, "the old certificate is gone");
        Assert.Equal([renewed.Id], await victim.CertificatesAsync());
        await Assert.ThrowsAnyAsync<MQTTnet.Exceptions.MqttCommunicationException>(() => victim.ConnectAsync(victim.Credential));
    }

    [Fact]
    public async Task What_was_said_in_an_old_job_does_nothing_in_the_next()
    {
        var (victim, first, renewed) = await IssueAsync();
        await using var old = first;
        await using var device = await victim.ConnectAsync(renewed, victim.Name + "#3");
        Assert.True((await device.CommitAsync(victim.Name, Job(victim))).Accepted);
        await device.UpdateJobAsync(victim.Name, Job(victim), "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => await victim.StatusOfAsync(victim.Credential.Id) is null, "the old certificate is gone");

        using var key = Credential.NewKey();
        await victim.QueueAsync($"next-{victim.Name}");
        Assert.Equal("JOB_NOT_IN_PROGRESS", (await device.CreateAsync(victim.Name, $"next-{victim.Name}", victim.Csr(key))).Code);
        await device.UpdateJobAsync(victim.Name, $"next-{victim.Name}", "IN_PROGRESS");
        Assert.Equal("JOB_NOT_IN_PROGRESS", (await device.CreateAsync(victim.Name, Job(victim), victim.Csr(key))).Code);
        Assert.True((await device.CommitAsync(victim.Name, Job(victim))).Accepted, "the winner's commit may be repeated");
        Assert.Equal("UNKNOWN_ROTATION", (await device.CommitAsync(victim.Name, $"next-{victim.Name}")).Code);
        var next = await device.CreateAsync(victim.Name, $"next-{victim.Name}", victim.Csr(key));
        Assert.True(next.Accepted);
        Assert.Equal("WRONG_PRINCIPAL", (await device.CommitAsync(victim.Name, $"next-{victim.Name}")).Code);
        Assert.Equal("ACTIVE", await victim.StatusOfAsync(renewed.Id));
    }

    [Theory]
    [InlineData("queued", 0)]
    [InlineData("in progress", 0)]
    [InlineData("issued", 1)]
    [InlineData("committed", 1)]
    public async Task Canceling_at_any_message_deletes_nothing_and_the_next_job_rotates(string after, int notices)
    {
        var victim = await cloud.AddThingAsync();
        await using var device = await victim.ConnectAsync();
        using var key = Credential.NewKey();
        await victim.QueueAsync(Job(victim));
        var inUse = victim.Credential;
        if (after != "queued")
            await device.UpdateJobAsync(victim.Name, Job(victim), "IN_PROGRESS");
        if (after is "issued" or "committed")
        {
            var issued = new Credential(key, (await device.CreateAsync(victim.Name, Job(victim), victim.Csr(key))).Certificate);
            if (after == "committed")
            {
                await using var over = await victim.ConnectAsync(issued, victim.Name + "#3");
                Assert.True((await over.CommitAsync(victim.Name, Job(victim))).Accepted);
                inUse = issued;
            }
        }

        var before = await victim.CertificatesAsync();
        await cloud.Operator.CancelExecutionAsync(victim.Name, Job(victim));
        await AttackedThing.UntilAsync(async () => (await victim.NoticesAsync()).Count >= notices, "the operators hear");
        Assert.Equal(before, await victim.CertificatesAsync());
        foreach (var certificate in before)
            Assert.Equal("ACTIVE", await victim.StatusOfAsync(certificate));

        await using var ready = await victim.ConnectAsync(inUse, victim.Name + "#4");
        await victim.BeginAsync(ready, $"next-{victim.Name}");
        using var nextKey = Credential.NewKey();
        var renewed = new Credential(nextKey, (await ready.CreateAsync(victim.Name, $"next-{victim.Name}", victim.Csr(nextKey))).Certificate);
        await using var last = await victim.ConnectAsync(renewed, victim.Name + "#5");
        Assert.True((await last.CommitAsync(victim.Name, $"next-{victim.Name}")).Accepted);
        await last.UpdateJobAsync(victim.Name, $"next-{victim.Name}", "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => await victim.CertificatesAsync() is [var only] && only == renewed.Id, "one certificate is left");
        Assert.Equal(notices, (await victim.NoticesAsync()).Count);
    }

    private static string Job(AttackedThing victim) => $"job-{victim.Name}";

    /// <summary>A certificate was issued in the job; the connection is over the old one.</summary>
    private async Task<(AttackedThing Victim, RogueConnection Old, Credential Renewed)> IssueAsync()
    {
        var victim = await cloud.AddThingAsync();
        var old = await victim.ConnectAsync();
        await victim.BeginAsync(old, Job(victim));
        var key = Credential.NewKey();
        var answer = await old.CreateAsync(victim.Name, Job(victim), victim.Csr(key));
        Assert.True(answer.Accepted, answer.Message.ToJsonString());
        return (victim, old, new Credential(key, answer.Certificate));
    }
}
