namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>Backend first: docs/migrating.md. The component on the device is still the reference's.</summary>
[Collection(SharedAttackedCloud.Name)]
public sealed class ReferenceDevices(AttackedCloud cloud)
{
    private const string First = "first-", Second = "second-";

    [Fact]
    public async Task Rotate_and_are_told_nothing_that_they_would_not_understand()
    {
        var (thing, device) = await StartAsync(First);
        await using var its = device;
        Assert.True((await device.TakeAsync(First + thing.Name)).Accepted);
        Assert.Equal("ACTIVE", await thing.StatusOfAsync(thing.Credential.Id));
        await device.StartAsync();
        Assert.True((await device.CommitAsync(First + thing.Name)).Accepted);
        await device.ReportAsync(First + thing.Name, "SUCCEEDED");

        await AttackedThing.UntilAsync(async () => await thing.StatusOfAsync(thing.Credential.Id) is null, "the old certificate is gone");
        Assert.Equal([device.InUse.Id], await thing.CertificatesAsync());
        Assert.Empty(await thing.NoticesAsync());
        Assert.All(device.Answers, a => Assert.False(a.Message.ContainsKey("clientToken")));
    }

    [Fact]
    public async Task Fail_before_the_switch_and_rotate_with_the_next_job()
    {
        var (thing, device) = await StartAsync(First);
        await using var its = device;
        Assert.True((await device.TakeAsync(First + thing.Name)).Accepted);
        await device.GoBackAsync(First + thing.Name);
        await AttackedThing.UntilAsync(async () => (await thing.NoticesAsync()).Count == 1, "the operators hear of the failure once");
        Assert.Equal("ACTIVE", await thing.StatusOfAsync(thing.Credential.Id));

        await RotateAsync(thing, device);
    }

    [Fact]
    public async Task Go_back_after_the_switch_with_neither_certificate_deleted_and_rotate_with_the_next_job()
    {
        var (thing, device) = await StartAsync(First);
        await using var its = device;
        Assert.True((await device.TakeAsync(First + thing.Name)).Accepted);
        var given = device.InUse;
        await device.StartAsync();
        // The nucleus reached the cloud with the new one, and its commit was never heard.
        await device.GoBackAsync(First + thing.Name);
        await AttackedThing.UntilAsync(async () => (await thing.NoticesAsync()).Count == 1, "the operators hear of the failure once");
        Assert.Equal(("ACTIVE", "ACTIVE"), (await thing.StatusOfAsync(thing.Credential.Id), await thing.StatusOfAsync(given.Id)));
        Assert.Equal(thing.Credential, device.InUse);

        await RotateAsync(thing, device);
        Assert.Null(await thing.StatusOfAsync(given.Id));
    }

    [Fact]
    public async Task Whose_nucleus_was_not_restarted_are_refused_with_the_references_text()
    {
        var (thing, device) = await StartAsync(First);
        await using var its = device;
        Assert.True((await device.TakeAsync(First + thing.Name)).Accepted);
        var refused = await device.CommitAsync(First + thing.Name);
        Assert.False(refused.Accepted);
        Assert.StartsWith("Pre-conditions not met", refused.Message["errorMsg"]!.GetValue<string>(), StringComparison.Ordinal);
        await device.GoBackAsync(First + thing.Name);

        await RotateAsync(thing, device);
    }

    [Fact]
    public async Task Whose_component_is_upgraded_after_a_failure_need_no_next_job_to_settle_it()
    {
        var (thing, device) = await StartAsync(First);
        await using var its = device;
        Assert.True((await device.TakeAsync(First + thing.Name)).Accepted);
        var given = device.InUse;
        await device.GoBackAsync(First + thing.Name);
        await AttackedThing.UntilAsync(async () => (await thing.NoticesAsync()).Count == 1, "the operators hear of the failure");
        await device.DisposeAsync();

        // Ours attests: what is left of the first attempt is retired as soon as it says which one it uses. The sweep deletes it.
        await using var ours = await thing.ConnectAsync();
        var nonce = (await ours.AttestAsync(thing.Name, thing.Credential.Id)).Nonce;
        Assert.True((await ours.AttestAsync(thing.Name, thing.Credential.Id, nonce)).Accepted);
        await AttackedThing.UntilAsync(async () => await thing.StatusOfAsync(given.Id) == "INACTIVE", "the certificate that was given up is retired");
        await AttackedThing.UntilAsync(async () => (await thing.CertificatesAsync()).SequenceEqual([thing.Credential.Id]), "it is off the thing");
    }

    private async Task<(AttackedThing, ReferenceDevice)> StartAsync(string job)
    {
        var thing = await cloud.AddThingAsync();
        var device = new ReferenceDevice(thing);
        await device.StartAsync();
        await thing.QueueAsync(job + thing.Name);
        return (thing, device);
    }

    /// <summary>Whatever an earlier attempt left: one certificate stays, and nobody else is told anything.</summary>
    private static async Task RotateAsync(AttackedThing thing, ReferenceDevice device)
    {
        await thing.QueueAsync(Second + thing.Name);
        Assert.True((await device.TakeAsync(Second + thing.Name)).Accepted);
        await device.StartAsync();
        Assert.True((await device.CommitAsync(Second + thing.Name)).Accepted);
        await device.ReportAsync(Second + thing.Name, "SUCCEEDED");
        await AttackedThing.UntilAsync(async () => (await thing.CertificatesAsync()).SequenceEqual([device.InUse.Id]), "one certificate is left");
        await AttackedThing.UntilAsync(async () => await thing.StatusOfAsync(thing.Credential.Id) is null, "the old one is gone");
        Assert.Single(await thing.NoticesAsync());
    }
}
