using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Jobs;

public sealed class JobTests
{
    [Fact]
    public async Task A_snapshot_takes_the_members_of_its_creation_and_completes()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"));
        jobs.Directory.Join("g", "t3");
        await jobs.SettleAsync();

        await jobs.UpdateAsync("t1", "j", "SUCCEEDED");
        Assert.Equal("IN_PROGRESS", await jobs.JobStatusAsync("j"));
        await jobs.UpdateAsync("t2", "j", "FAILED");

        var job = (await jobs.IotAsync("DescribeJob", "jobId=j"))["job"]!;
        Assert.Equal("COMPLETED", (string?)job["status"]);
        Assert.NotNull(job["completedAt"]);
        Assert.Equal((1, 1), ((int)job["jobProcessDetails"]!["numberOfSucceededThings"]!, (int)job["jobProcessDetails"]!["numberOfFailedThings"]!));
        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJobExecution", "jobId=j&thingName=t3"));
    }

    [Fact]
    public async Task A_continuous_job_takes_in_who_joins_and_withdraws_from_who_leaves()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), ""","targetSelection":"CONTINUOUS" """);
        await jobs.UpdateAsync("t1", "j", "SUCCEEDED");
        await jobs.UpdateAsync("t2", "j", "SUCCEEDED");
        Assert.Equal("IN_PROGRESS", await jobs.JobStatusAsync("j"));

        jobs.Directory.Join("g", "t3");
        await jobs.SettleAsync();
        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t3"));
        jobs.Directory.Leave("g", "t3");
        await jobs.SettleAsync();
        Assert.Equal("REMOVED", await jobs.StatusAsync("j", "t3"));
        jobs.Directory.Join("g", "t3");
        await jobs.SettleAsync();

        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t3"));
        Assert.Equal(2, (long)(await jobs.IotAsync("DescribeJobExecution", "jobId=j&thingName=t3"))["execution"]!["executionNumber"]!);
    }

    [Fact]
    public async Task A_deleted_thing_gives_up_its_execution()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        jobs.Directory.DeleteThing("t1");
        await jobs.SettleAsync();

        Assert.Equal("REMOVED", await jobs.StatusAsync("j", "t1"));
        Assert.Equal("COMPLETED", await jobs.JobStatusAsync("j"));
    }

    /// <summary>https://docs.aws.amazon.com/iot/latest/developerguide/events-jobs.html</summary>
    [Theory]
    [InlineData("SUCCEEDED")]
    [InlineData("IN_PROGRESS")]
    public async Task The_event_of_a_deletion_has_the_status_from_before_it(string status)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        await jobs.UpdateAsync("t1", "j", status);
        await jobs.IotAsync("DeleteJobExecution", "jobId=j&thingName=t1&executionNumber=1", "force=true");
        await jobs.SettleAsync();

        var deleted = Assert.Single(jobs.Bus.Take(), m => m.Topic == "$aws/events/jobExecution/j/deleted").Json;
        Assert.Equal(("deleted", status), ((string?)deleted["operation"], (string?)deleted["status"]));
    }

    [Fact]
    public async Task A_rollout_queues_so_many_a_minute()
    {
        await using var jobs = new JobsFixture();
        jobs.Directory.AddGroup("many", [.. Enumerable.Range(0, 25).Select(i => jobs.Directory.AddThing("m" + i).Name)]);

        await jobs.CreateAsync("j", JobsFixture.Group("many"), ""","jobExecutionsRolloutConfig":{"maximumPerMinute":10}""");

        Assert.Equal(10, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromSeconds(59));
        Assert.Equal(10, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(20, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(25, await CountAsync(jobs));
    }

    [Fact]
    public async Task An_exponential_rollout_gets_faster_with_success_up_to_its_maximum()
    {
        await using var jobs = new JobsFixture();
        jobs.Directory.AddGroup("many", [.. Enumerable.Range(0, 30).Select(i => jobs.Directory.AddThing("m" + i).Name)]);
        await jobs.CreateAsync("j", JobsFixture.Group("many"), """
            ,"jobExecutionsRolloutConfig":{"maximumPerMinute":6,"exponentialRate":{"baseRatePerMinute":2,"incrementFactor":2,
              "rateIncreaseCriteria":{"numberOfSucceededThings":2}}}
            """);

        Assert.Equal(2, await CountAsync(jobs));
        await jobs.UpdateAsync("m0", "j", "SUCCEEDED");
        await jobs.UpdateAsync("m1", "j", "SUCCEEDED");
        Assert.Equal(4, await CountAsync(jobs));
        await jobs.UpdateAsync("m2", "j", "SUCCEEDED");
        await jobs.UpdateAsync("m3", "j", "SUCCEEDED");
        Assert.Equal(6, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(12, await CountAsync(jobs));
    }

    [Fact]
    public async Task An_exponential_rollout_gets_faster_with_the_things_told_too()
    {
        await using var jobs = new JobsFixture();
        jobs.Directory.AddGroup("many", [.. Enumerable.Range(0, 30).Select(i => jobs.Directory.AddThing("m" + i).Name)]);
        await jobs.CreateAsync("j", JobsFixture.Group("many"), """
            ,"jobExecutionsRolloutConfig":{"maximumPerMinute":8,"exponentialRate":{"baseRatePerMinute":2,"incrementFactor":2,"rateIncreaseCriteria":{"numberOfNotifiedThings":4}}}
            """);

        Assert.Equal(2, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        // Four are told at the old pace; then it is four a minute.
        Assert.Equal(6, await CountAsync(jobs));
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(14, await CountAsync(jobs));
    }

    [Theory]
    [InlineData("FAILED", "FAILED", true)]
    [InlineData("FAILED", "REJECTED", false)]
    [InlineData("REJECTED", "REJECTED", true)]
    [InlineData("TIMED_OUT", "TIMED_OUT", true)]
    [InlineData("TIMED_OUT", "FAILED", false)]
    [InlineData("ALL", "FAILED", true)]
    [InlineData("ALL", "REJECTED", true)]
    [InlineData("ALL", "TIMED_OUT", true)]
    [InlineData("ALL", "SUCCEEDED", false)]
    public async Task A_job_is_aborted_by_the_failures_it_names(string named, string happened, bool isAborted)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), $$$"""
            ,"timeoutConfig":{"inProgressTimeoutInMinutes":1},
            "abortConfig":{"criteriaList":[{"failureType":"{{{named}}}","action":"CANCEL","thresholdPercentage":100,"minNumberOfExecutedThings":1}]}
            """);

        await jobs.UpdateAsync("t1", "j", happened == "TIMED_OUT" ? "IN_PROGRESS" : happened);
        await jobs.PassAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(happened, await jobs.StatusAsync("j", "t1"));
        Assert.Equal(isAborted ? ("CANCELED", "CANCELED") : ("IN_PROGRESS", "QUEUED"), (await jobs.JobStatusAsync("j"), await jobs.StatusAsync("j", "t2")));
    }

    [Fact]
    public async Task Too_many_failures_abort_the_job_and_what_has_begun_goes_on()
    {
        await using var jobs = new JobsFixture();
        jobs.Directory.AddGroup("five", [.. Enumerable.Range(0, 5).Select(i => jobs.Directory.AddThing("m" + i).Name)]);
        await jobs.CreateAsync("j", JobsFixture.Group("five"), """
            ,"abortConfig":{"criteriaList":[{"failureType":"FAILED","action":"CANCEL","thresholdPercentage":50,"minNumberOfExecutedThings":3}]}
            """);
        await jobs.UpdateAsync("m3", "j", "IN_PROGRESS");
        await jobs.UpdateAsync("m0", "j", "FAILED");
        await jobs.UpdateAsync("m1", "j", "FAILED");
        Assert.Equal("IN_PROGRESS", await jobs.JobStatusAsync("j"));

        await jobs.UpdateAsync("m2", "j", "SUCCEEDED");

        Assert.Equal("CANCELED", await jobs.JobStatusAsync("j"));
        Assert.Equal("CANCELED", await jobs.StatusAsync("j", "m4"));
        Assert.Equal("IN_PROGRESS", await jobs.StatusAsync("j", "m3"));
        await jobs.UpdateAsync("m3", "j", "SUCCEEDED");
        Assert.Equal("SUCCEEDED", await jobs.StatusAsync("j", "m3"));
    }

    [Fact]
    public async Task Canceling_spares_what_is_in_progress_unless_forced()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        jobs.Bus.Take();

        await jobs.IotAsync("CancelJob", "jobId=j", body: """{"reasonCode":"ENOUGH","comment":"because"}""");
        Assert.Equal(("IN_PROGRESS", "CANCELED"), (await jobs.StatusAsync("j", "t1"), await jobs.StatusAsync("j", "t2")));
        Assert.Equal(
            ["$aws/events/job/j/cancellation_in_progress", "$aws/events/jobExecution/j/canceled", "$aws/things/t2/jobs/notify",
             "$aws/things/t2/jobs/notify-next", "$aws/events/job/j/canceled"], jobs.Bus.TakeTopics());
        await jobs.IotAsync("CancelJob", "jobId=j", "force=true");

        Assert.Equal("CANCELED", await jobs.StatusAsync("j", "t1"));
        var job = (await jobs.IotAsync("DescribeJob", "jobId=j"))["job"]!;
        Assert.Equal(("ENOUGH", "because", true), ((string?)job["reasonCode"], (string?)job["comment"], (bool)job["forceCanceled"]!));
        Assert.Equal((400, "InvalidRequestException"), await jobs.RefusalAsync("CancelJob", "jobId=j"));
    }

    [Fact]
    public async Task An_execution_is_canceled_at_its_version_and_by_force_when_begun()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        const string It = "jobId=j&thingName=t1";

        Assert.Equal((409, "InvalidStateTransitionException"), await jobs.RefusalAsync("CancelJobExecution", It, body: "{}"));
        Assert.Equal((409, "VersionConflictException"), await jobs.RefusalAsync("CancelJobExecution", It, "force=true", """{"expectedVersion":1}"""));
        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("CancelJobExecution", "jobId=j&thingName=t2"));
        await jobs.IotAsync("CancelJobExecution", It, "force=true", """{"expectedVersion":2,"statusDetails":{"why":"test"}}""");

        var execution = (await jobs.IotAsync("DescribeJobExecution", It))["execution"]!;
        Assert.Equal(("CANCELED", true, "test"), ((string?)execution["status"], (bool)execution["forceCanceled"]!, (string?)execution["statusDetails"]!["detailsMap"]!["why"]));
        Assert.Equal((409, "InvalidStateTransitionException"), await jobs.RefusalAsync("CancelJobExecution", It, "force=true"));
    }

    [Fact]
    public async Task Deleting_needs_an_end_or_force()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        Assert.Equal((409, "InvalidStateTransitionException"), await jobs.RefusalAsync("DeleteJob", "jobId=j"));
        Assert.Equal(
            (409, "InvalidStateTransitionException"), await jobs.RefusalAsync("DeleteJobExecution", "jobId=j&thingName=t1&executionNumber=1"));
        jobs.Bus.Take();

        await jobs.IotAsync("DeleteJob", "jobId=j", "force=true");

        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJob", "jobId=j"));
        Assert.Contains("$aws/things/t1/jobs/notify-next", jobs.Bus.TakeTopics());
        var (_, answer) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/$next/get");
        Assert.Null(answer["execution"]);
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
    }

    [Fact]
    public async Task A_template_gives_document_and_settings_which_the_job_may_override()
    {
        await using var jobs = new JobsFixture();
        var template = await jobs.IotAsync("CreateJobTemplate", "jobTemplateId=rotate", body: """
            {"description":"Rotates","document":"{\"operation\":\"ROTATE_CERTIFICATE\"}","timeoutConfig":{"inProgressTimeoutInMinutes":5},
             "jobExecutionsRolloutConfig":{"maximumPerMinute":100,"exponentialRate":{"baseRatePerMinute":100,"incrementFactor":1.2,
               "rateIncreaseCriteria":{"numberOfSucceededThings":100}}}}
            """);
        var arn = (string)template["jobTemplateArn"]!;
        Assert.Equal("arn:aws:iot:us-east-1:012345678901:jobtemplate/rotate", arn);

        await jobs.IotAsync("CreateJob", "jobId=j", body: $$$"""
            {"targets":["{{{JobsFixture.Thing("t1")}}}"],"jobTemplateArn":"{{{arn}}}","timeoutConfig":{"inProgressTimeoutInMinutes":60}}
            """);

        var job = (await jobs.IotAsync("DescribeJob", "jobId=j"))["job"]!;
        Assert.Equal(arn, (string?)job["jobTemplateArn"]);
        Assert.Equal(60, (long)job["timeoutConfig"]!["inProgressTimeoutInMinutes"]!);
        Assert.Equal(1.2, (double)job["jobExecutionsRolloutConfig"]!["exponentialRate"]!["incrementFactor"]!);
        Assert.Equal("""{"operation":"ROTATE_CERTIFICATE"}""", (string?)(await jobs.IotAsync("GetJobDocument", "jobId=j"))["document"]);
        Assert.Equal("Rotates", (string?)(await jobs.IotAsync("DescribeJobTemplate", "jobTemplateId=rotate"))["description"]);
        Assert.Single((await jobs.IotAsync("ListJobTemplates", ""))["jobTemplates"]!.AsArray());
        Assert.Equal(
            (409, "ConflictException"), await jobs.RefusalAsync("CreateJobTemplate", "jobTemplateId=rotate", body: """{"description":"x","document":"{}"}"""));
        await jobs.IotAsync("DeleteJobTemplate", "jobTemplateId=rotate");
        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJobTemplate", "jobTemplateId=rotate"));
        Assert.Equal("IN_PROGRESS", await jobs.JobStatusAsync("j"));
    }

    [Fact]
    public async Task A_document_has_32_kilobytes_at_most()
    {
        await using var jobs = new JobsFixture();
        static string Body(int size) => $$"""{"targets":["{{JobsFixture.Thing("t1")}}"],"document":"{\"a\":\"{{new string('x', size - 8)}}\"}"}""";

        Assert.Equal((400, "InvalidRequestException"), await jobs.RefusalAsync("CreateJob", "jobId=j", body: Body((32 * 1024) + 1)));
        await jobs.IotAsync("CreateJob", "jobId=j", body: Body(32 * 1024));
    }

    [Theory]
    [InlineData("""{"targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}"}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":[]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":"t1"}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":{},"targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["t1"]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:eu-west-1:012345678901:thing/t1"]}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/none"]}""", 404, "ResourceNotFoundException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thinggroup/none"]}""", 404, "ResourceNotFoundException")]
    [InlineData("""{"jobTemplateArn":"arn:aws:iot:us-east-1:012345678901:jobtemplate/none","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"]}""", 404, "ResourceNotFoundException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"targetSelection":"ALWAYS"}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"timeoutConfig":{"inProgressTimeoutInMinutes":0}}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"jobExecutionsRolloutConfig":{"maximumPerMinute":1001}}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"abortConfig":{"criteriaList":[]}}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"jobExecutionsRetryConfig":{"criteriaList":[{"failureType":"ALL","numberOfRetries":11}]}}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"schedulingConfig":{"startTime":"yesterday"}}""", 400, "InvalidRequestException")]
    [InlineData("""{"document":"{}","targets":["arn:aws:iot:us-east-1:012345678901:thing/t1"],"targetSelection":"CONTINUOUS","schedulingConfig":{"maintenanceWindows":[{"startTime":"cron(x)","durationInMinutes":60}]}}""", 400, "InvalidRequestException")]
    [InlineData("""[]""", 400, "InvalidRequestException")]
    public async Task Jobs_that_AWS_refuses_are_refused_and_leave_nothing(string body, int status, string code)
    {
        await using var jobs = new JobsFixture();

        Assert.Equal((status, code), await jobs.RefusalAsync("CreateJob", "jobId=j", body: body));

        Assert.Equal((404, "ResourceNotFoundException"), await jobs.RefusalAsync("DescribeJob", "jobId=j"));
        Assert.Empty(jobs.Bus.Take());
    }

    [Fact]
    public async Task A_job_id_is_used_once_and_must_fit_its_pattern()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        await Assert.ThrowsAsync<LocalCloud.Api.ApiException>(() => jobs.CreateAsync("j", JobsFixture.Thing("t1")));
        Assert.Equal((400, "InvalidRequestException"), await jobs.RefusalAsync("CreateJob", "jobId=j j", body: "{}"));
    }

    [Fact]
    public async Task Lists_filter_and_come_in_pages()
    {
        await using var jobs = new JobsFixture();
        for (var i = 0; i < 5; i++)
        {
            await jobs.CreateAsync("job" + i, JobsFixture.Group("g"));
            jobs.Time.Advance(TimeSpan.FromSeconds(1));
        }

        await jobs.IotAsync("CancelJob", "jobId=job0");

        Assert.Equal(["job4", "job3", "job2", "job1", "job0"], await AllAsync("ListJobs", "", "jobs", "jobId"));
        Assert.Equal(4, (await jobs.IotAsync("ListJobs", "", "status=IN_PROGRESS"))["jobs"]!.AsArray().Count);
        Assert.Empty((await jobs.IotAsync("ListJobs", "", "targetSelection=CONTINUOUS"))["jobs"]!.AsArray());
        Assert.Equal(5, (await AllAsync("ListJobExecutionsForThing", "thingName=t1", "executionSummaries", "jobId")).Count);
        Assert.Single((await jobs.IotAsync("ListJobExecutionsForThing", "thingName=t1", "status=CANCELED"))["executionSummaries"]!.AsArray());
        Assert.Equal(2, (await jobs.IotAsync("ListJobExecutionsForJob", "jobId=job1"))["executionSummaries"]!.AsArray().Count);
        Assert.Equal((400, "InvalidRequestException"), await jobs.RefusalAsync("ListJobs", "", "status=LATE"));

        async Task<List<string>> AllAsync(string operation, string labels, string member, string key)
        {
            var all = new List<string>();
            string? token = null;
            do
            {
                var page = await jobs.IotAsync(operation, labels, "maxResults=2" + (token is null ? "" : "&nextToken=" + token));
                all.AddRange(page[member]!.AsArray().Select(e => (string)e![key]!));
                token = (string?)page["nextToken"];
            }
            while (token is not null);
            return all;
        }
    }

    [Fact]
    public async Task Ten_thousand_targets_are_made_and_drained_in_seconds()
    {
        await using var jobs = new JobsFixture();
        var things = Enumerable.Range(0, 10_000).Select(i => jobs.Directory.AddThing("m" + i).Name).ToArray();
        jobs.Directory.AddGroup("fleet", things);
        await jobs.CreateAsync("j", JobsFixture.Group("fleet"), """
            ,"abortConfig":{"criteriaList":[{"failureType":"ALL","action":"CANCEL","thresholdPercentage":50,"minNumberOfExecutedThings":100}]}
            """);

        for (var minute = 0; minute < 10; minute++)
        {
            foreach (var thing in things.AsSpan(minute * 1000, 1000).ToArray())
                await jobs.UpdateAsync(thing, "j", "SUCCEEDED");
            await jobs.PassAsync(TimeSpan.FromMinutes(1));
        }

        Assert.Equal("COMPLETED", await jobs.JobStatusAsync("j"));
    }

    private static async Task<int> CountAsync(JobsFixture jobs)
    {
        var count = 0;
        string? token = null;
        do
        {
            var page = await jobs.IotAsync("ListJobExecutionsForJob", "jobId=j", "maxResults=250" + (token is null ? "" : "&nextToken=" + token));
            count += page["executionSummaries"]!.AsArray().Count;
            token = (string?)page["nextToken"];
        }
        while (token is not null);
        return count;
    }
}
