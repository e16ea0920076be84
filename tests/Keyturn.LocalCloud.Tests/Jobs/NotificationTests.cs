using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Jobs;

/// <summary>The walk of the documentation: when notify and notify-next are sent, and when not.</summary>
public sealed class NotificationTests
{
    private const string Notify = "$aws/things/t1/jobs/notify";
    private const string NotifyNext = "$aws/things/t1/jobs/notify-next";

    [Fact]
    public async Task Notifications_follow_the_list_and_its_first_entry()
    {
        await using var jobs = new JobsFixture();

        await jobs.CreateAsync("job1", JobsFixture.Thing("t1"));
        var first = jobs.Bus.Take();
        Assert.Equal([Notify, NotifyNext], first.Select(p => p.Topic));
        Assert.Equal(["job1"], Listed(first[0].Json, "QUEUED"));
        Assert.Equal("job1", (string?)first[1].Json["execution"]!["jobId"]);
        Assert.Equal("TEST", (string?)first[1].Json["execution"]!["jobDocument"]!["operation"]);

        await jobs.CreateAsync("job2", JobsFixture.Thing("t1"));
        var second = jobs.Bus.Take();
        Assert.Equal([Notify], second.Select(p => p.Topic));
        Assert.Equal(["job1", "job2"], Listed(second[0].Json, "QUEUED"));

        await jobs.UpdateAsync("t1", "job1", "IN_PROGRESS");
        Assert.Empty(jobs.Bus.Take());

        await jobs.CreateAsync("job3", JobsFixture.Thing("t1"));
        var third = jobs.Bus.Take();
        Assert.Equal([Notify], third.Select(p => p.Topic));
        Assert.Equal(["job1"], Listed(third[0].Json, "IN_PROGRESS"));
        Assert.Equal(["job2", "job3"], Listed(third[0].Json, "QUEUED"));

        await jobs.UpdateAsync("t1", "job1", "SUCCEEDED");
        var fourth = jobs.Bus.Take().Where(p => !p.Topic.Contains("/events/", StringComparison.Ordinal)).ToList();
        Assert.Equal([Notify, NotifyNext], fourth.Select(p => p.Topic));
        Assert.Equal("job2", (string?)fourth[1].Json["execution"]!["jobId"]);

        await jobs.UpdateAsync("t1", "job3", "IN_PROGRESS");
        var fifth = jobs.Bus.Take();
        Assert.Equal([NotifyNext], fifth.Select(p => p.Topic));
        Assert.Equal(("job3", "IN_PROGRESS"), ((string?)fifth[0].Json["execution"]!["jobId"], (string?)fifth[0].Json["execution"]!["status"]));

        await jobs.UpdateAsync("t1", "job2", "REJECTED");
        Assert.Equal([Notify], jobs.Bus.TakeTopics().Where(t => !t.Contains("/events/", StringComparison.Ordinal)));

        await jobs.IotAsync("DeleteJobExecution", "jobId=job3&thingName=t1&executionNumber=1", "force=true");
        var last = jobs.Bus.Take().Where(p => !p.Topic.Contains("/events/", StringComparison.Ordinal)).ToList();
        Assert.Equal([Notify, NotifyNext], last.Select(p => p.Topic));
        Assert.Empty(last[0].Json["jobs"]!.AsObject());
        Assert.Equal(["timestamp"], last[1].Json.AsObject().Select(m => m.Key));
    }

    [Fact]
    public async Task A_notification_lists_no_more_than_ten()
    {
        await using var jobs = new JobsFixture();
        for (var i = 0; i < 12; i++)
            await jobs.CreateAsync("job" + i, JobsFixture.Thing("t1"));

        var last = jobs.Bus.Take()[^1].Json;

        Assert.Equal(Enumerable.Range(0, 10).Select(i => "job" + i), Listed(last, "QUEUED"));
    }

    [Fact]
    public async Task Events_are_published_only_if_enabled()
    {
        await using var jobs = new JobsFixture();
        await jobs.IotAsync(
            "UpdateEventConfigurations", "", body: """{"eventConfigurations":{"JOB_EXECUTION":{"Enabled":false}}}""");
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        await jobs.UpdateAsync("t1", "j", "SUCCEEDED");
        Assert.Equal(
            ["$aws/events/job/j/completed"], jobs.Bus.TakeTopics().Where(t => t.Contains("/events/", StringComparison.Ordinal)));
        var configurations = (await jobs.IotAsync("DescribeEventConfigurations", ""))["eventConfigurations"]!;
        Assert.False((bool)configurations["JOB_EXECUTION"]!["Enabled"]!);
        Assert.True((bool)configurations["JOB"]!["Enabled"]!);
        Assert.Equal(
            (400, "InvalidRequestException"),
            await jobs.RefusalAsync("UpdateEventConfigurations", "", body: """{"eventConfigurations":{"WEATHER":{"Enabled":true}}}"""));
    }

    [Fact]
    public async Task An_execution_event_tells_thing_status_and_details()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        await jobs.UpdateAsync("t1", "j", "FAILED", ""","statusDetails":{"CertificateRotator":true,"reason":"no key"}""");

        var (topic, json) = Assert.Single(jobs.Bus.Take(), p => p.Topic.StartsWith("$aws/events/jobExecution", StringComparison.Ordinal));
        Assert.Equal("$aws/events/jobExecution/j/failed", topic);
        Assert.True(Guid.TryParse((string?)json["eventId"], out _));
        json.AsObject().Remove("eventId");
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""
            {"eventType":"JOB_EXECUTION","timestamp":1772452800,"operation":"failed","jobId":"j",
             "thingArn":"arn:aws:iot:us-east-1:012345678901:thing/t1","status":"FAILED","statusDetails":{"CertificateRotator":"true","reason":"no key"}}
            """), json), json.ToJsonString());
    }

    private static IEnumerable<string?> Listed(JsonNode notification, string status) =>
        notification["jobs"]![status]!.AsArray().Select(e => (string?)e!["jobId"]);
}
