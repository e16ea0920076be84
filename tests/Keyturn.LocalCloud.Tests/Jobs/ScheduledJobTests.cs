namespace Keyturn.LocalCloud.Tests.Jobs;

public sealed class ScheduledJobTests
{
    [Fact]
    public async Task A_scheduled_job_begins_at_its_time_and_is_ended_as_it_says()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), """
            ,"schedulingConfig":{"startTime":"2026-03-02T13:00","endTime":"2026-03-02T14:00","endBehavior":"CANCEL"}
            """);
        Assert.Equal("SCHEDULED", await jobs.JobStatusAsync("j"));
        Assert.Empty(jobs.Bus.Take());

        await jobs.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal(("IN_PROGRESS", "QUEUED"), (await jobs.JobStatusAsync("j"), await jobs.StatusAsync("j", "t1")));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        await jobs.PassAsync(TimeSpan.FromHours(1));

        Assert.Equal(
            ("CANCELED", "IN_PROGRESS", "CANCELED"),
            (await jobs.JobStatusAsync("j"), await jobs.StatusAsync("j", "t1"), await jobs.StatusAsync("j", "t2")));
    }

    [Theory]
    [InlineData("STOP_ROLLOUT", "IN_PROGRESS", "IN_PROGRESS")]
    [InlineData("CANCEL", "CANCELED", "IN_PROGRESS")]
    [InlineData("FORCE_CANCEL", "CANCELED", "CANCELED")]
    public async Task The_end_of_a_schedule_stops_cancels_or_takes_away(string behavior, string job, string begun)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), $$$"""
            ,"jobExecutionsRolloutConfig":{"maximumPerMinute":1},"schedulingConfig":{"endTime":"2026-03-02T12:30","endBehavior":"{{{behavior}}}"},"targetSelection":"CONTINUOUS"
            """);
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        await jobs.PassAsync(TimeSpan.FromMinutes(30));

        Assert.Equal((job, begun), (await jobs.JobStatusAsync("j"), await jobs.StatusAsync("j", "t1")));
        jobs.Directory.Join("g", "t3");
        await jobs.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJobExecution", "jobId=j&thingName=t3"));
    }

    [Fact]
    public async Task A_maintenance_window_opens_the_rollout_of_a_continuous_job()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), """
            ,"targetSelection":"CONTINUOUS","schedulingConfig":{"maintenanceWindows":[{"startTime":"cron(30 18 ? * MON *)","durationInMinutes":60}]}
            """);
        Assert.Empty(jobs.Bus.Take());

        await jobs.PassAsync(TimeSpan.FromHours(6.5));

        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t1"));
        jobs.Directory.Join("g", "t3");
        await jobs.SettleAsync();
        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t3"));
        await jobs.PassAsync(TimeSpan.FromMinutes(60));
        jobs.Directory.Join("g", jobs.Directory.AddThing("late").Name);
        await jobs.SettleAsync();
        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJobExecution", "jobId=j&thingName=late"));
        await jobs.PassAsync(TimeSpan.FromDays(7) - TimeSpan.FromMinutes(60));
        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "late"));
    }
}
