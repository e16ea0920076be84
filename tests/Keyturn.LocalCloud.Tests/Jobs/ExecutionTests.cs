using System.Text.Json.Nodes;

namespace Keyturn.LocalCloud.Tests.Jobs;

public sealed class ExecutionTests
{
    [Theory]
    [InlineData("QUEUED", "IN_PROGRESS", null)]
    [InlineData("QUEUED", "SUCCEEDED", null)]
    [InlineData("QUEUED", "FAILED", null)]
    [InlineData("QUEUED", "REJECTED", null)]
    [InlineData("QUEUED", "QUEUED", "InvalidStateTransition")]
    [InlineData("IN_PROGRESS", "IN_PROGRESS", null)]
    [InlineData("IN_PROGRESS", "SUCCEEDED", null)]
    [InlineData("IN_PROGRESS", "FAILED", null)]
    [InlineData("IN_PROGRESS", "REJECTED", null)]
    [InlineData("IN_PROGRESS", "QUEUED", "InvalidStateTransition")]
    [InlineData("SUCCEEDED", "IN_PROGRESS", "InvalidStateTransition")]
    [InlineData("SUCCEEDED", "SUCCEEDED", "InvalidStateTransition")]
    [InlineData("FAILED", "SUCCEEDED", "InvalidStateTransition")]
    [InlineData("REJECTED", "IN_PROGRESS", "InvalidStateTransition")]
    [InlineData("QUEUED", "CANCELED", "InvalidRequest")]
    [InlineData("QUEUED", "REMOVED", "InvalidRequest")]
    [InlineData("QUEUED", "TIMED_OUT", "InvalidRequest")]
    [InlineData("QUEUED", "DONE", "InvalidRequest")]
    public async Task Devices_may_make_these_transitions_and_no_others(string from, string to, string? code)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        if (from != "QUEUED")
            await jobs.UpdateAsync("t1", "j", from);

        var (topic, answer) = await jobs.UpdateAsync("t1", "j", to, ",\"clientToken\":\"tok\"");

        Assert.Equal("$aws/things/t1/jobs/j/update/" + (code is null ? "accepted" : "rejected"), topic);
        Assert.Equal(code, (string?)answer["code"]);
        Assert.Equal("tok", (string?)answer["clientToken"]);
        Assert.Equal(code is null ? to : from, await jobs.StatusAsync("j", "t1"));
        Assert.Equal(code == "InvalidStateTransition", answer["executionState"] is not null);
    }

    [Fact]
    public async Task A_good_execution_reads_as_AWS_writes_it()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        jobs.Time.Advance(TimeSpan.FromSeconds(5));

        var (_, next) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/$next/get", """{"clientToken":"a"}""");
        var (_, started) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/start-next", """{"statusDetails":{"step":"one"}}""");
        var (_, updated) = await jobs.UpdateAsync(
            "t1", "j", "SUCCEEDED", ""","expectedVersion":2,"includeJobExecutionState":true,"includeJobDocument":true""");

        AssertJson("""
            {"execution":{"jobId":"j","thingName":"t1","status":"QUEUED","queuedAt":1772452800,"lastUpdatedAt":1772452800,
              "versionNumber":1,"executionNumber":1,"jobDocument":{"operation":"TEST"}},"timestamp":1772452805,"clientToken":"a"}
            """, next);
        AssertJson("""
            {"execution":{"jobId":"j","thingName":"t1","status":"IN_PROGRESS","statusDetails":{"step":"one"},"queuedAt":1772452800,
              "startedAt":1772452805,"lastUpdatedAt":1772452805,"versionNumber":2,"executionNumber":1,"jobDocument":{"operation":"TEST"}},
              "timestamp":1772452805}
            """, started);
        AssertJson("""
            {"executionState":{"status":"SUCCEEDED","statusDetails":{"step":"one"},"versionNumber":3},
              "jobDocument":{"operation":"TEST"},"timestamp":1772452805}
            """, updated);
        Assert.Equal("COMPLETED", await jobs.JobStatusAsync("j"));
    }

    [Fact]
    public async Task An_empty_queue_has_no_next_execution()
    {
        await using var jobs = new JobsFixture();

        foreach (var topic in (string[])["$next/get", "start-next"])
        {
            var (answered, answer) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/" + topic, "");
            Assert.EndsWith("/accepted", answered);
            Assert.Null(answer["execution"]);
            Assert.NotNull(answer["timestamp"]);
        }
    }

    [Theory]
    [InlineData("t1/jobs/j/get", "{", "InvalidJson")]
    [InlineData("t1/jobs/j/get", "[]", "InvalidJson")]
    [InlineData("t1/jobs/j/get", "\u0001\u0002", "InvalidJson")]
    [InlineData("t1/jobs/j/get", """{"executionNumber":"1"}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/get", """{"includeJobDocument":"yes"}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/get", """{"clientToken":5}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/get", """{"executionNumber":2}""", "ResourceNotFound")]
    [InlineData("t1/jobs/unknown/get", "{}", "ResourceNotFound")]
    [InlineData("t2/jobs/j/get", "{}", "ResourceNotFound")]
    [InlineData("nobody/jobs/get", "{}", "ResourceNotFound")]
    [InlineData("t1/jobs/unknown/update", """{"status":"FAILED"}""", "ResourceNotFound")]
    [InlineData("t1/jobs/j/update", "{}", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":1}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","expectedVersion":9}""", "VersionMismatch")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","expectedVersion":"1"}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","executionNumber":7}""", "ResourceNotFound")]
    [InlineData("t1/jobs/j/update", """{"status":"IN_PROGRESS","stepTimeoutInMinutes":0}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":"x"}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":{"a":{"b":"c"}}}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":{"a b":"c"}}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":{"a":""}}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":{"a":"line\nline"}}""", "InvalidRequest")]
    [InlineData("t1/jobs/j/update", """{"status":"FAILED","statusDetails":{"1":"x","2":"x","3":"x","4":"x","5":"x","6":"x","7":"x","8":"x","9":"x","10":"x","11":"x"}}""", "InvalidRequest")]
    [InlineData("t1/jobs/$next/update", """{"status":"FAILED"}""", "InvalidTopic")]
    [InlineData("t1/jobs/j/cancel", "{}", "InvalidTopic")]
    [InlineData("t1/jobs/begin", "{}", "InvalidTopic")]
    public async Task Bad_requests_are_rejected_with_their_code_and_change_nothing(string topic, string payload, string code)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        var (answered, answer) = await jobs.Bus.AskAsync("$aws/things/" + topic, payload);

        Assert.Equal($"$aws/things/{topic}/rejected", answered);
        Assert.Equal(code, (string?)answer["code"]);
        Assert.False(string.IsNullOrEmpty((string?)answer["message"]));
        Assert.Equal(code == "VersionMismatch", answer["executionState"] is not null);
        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t1"));
    }

    [Fact]
    public async Task A_terminal_execution_is_described_as_such()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        await jobs.UpdateAsync("t1", "j", "FAILED");

        var (_, answer) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/j/get");

        Assert.Equal("TerminalStateReached", (string?)answer["code"]);
        Assert.Null(answer["executionState"]);
        Assert.Equal((410, "TerminalStateException"), await jobs.RefusalAsync("DescribeJobExecution", "thingName=t1&jobId=j", service: "iot-jobs-data"));
    }

    [Fact]
    public async Task Details_replace_each_other_and_stay_when_none_are_sent_and_booleans_become_text()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ""","statusDetails":{"a":"1","CertificateRotator":true}""");
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        var kept = await jobs.IotAsync("DescribeJobExecution", "jobId=j&thingName=t1");
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ""","statusDetails":{"b":"2"}""");
        var replaced = await jobs.IotAsync("DescribeJobExecution", "jobId=j&thingName=t1");

        AssertJson("""{"a":"1","CertificateRotator":"true"}""", kept["execution"]!["statusDetails"]!["detailsMap"]!);
        AssertJson("""{"b":"2"}""", replaced["execution"]!["statusDetails"]!["detailsMap"]!);
        Assert.Equal(4, (long)replaced["execution"]!["versionNumber"]!);
    }

    [Fact]
    public async Task The_device_plane_over_HTTP_gives_the_document_as_text_and_its_own_statuses()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));

        var described = await jobs.DataAsync("DescribeJobExecution", "thingName=t1&jobId=$next", "includeJobDocument=true");
        Assert.Equal("""{"operation":"TEST"}""", (string?)described["execution"]!["jobDocument"]);
        Assert.Single((await jobs.DataAsync("GetPendingJobExecutions", "thingName=t1"))["queuedJobs"]!.AsArray());
        Assert.Equal("IN_PROGRESS", (string?)(await jobs.DataAsync("StartNextPendingJobExecution", "thingName=t1"))["execution"]!["status"]);
        await jobs.DataAsync("UpdateJobExecution", "thingName=t1&jobId=j", body: """{"status":"SUCCEEDED"}""");
        Assert.Equal(
            (409, "InvalidStateTransitionException"),
            await jobs.RefusalAsync("UpdateJobExecution", "thingName=t1&jobId=j", body: """{"status":"FAILED"}""", service: "iot-jobs-data"));
        Assert.Equal(
            (404, "ResourceNotFoundException"),
            await jobs.RefusalAsync("DescribeJobExecution", "thingName=t1&jobId=none", service: "iot-jobs-data"));
        Assert.Equal(
            (400, "InvalidRequestException"),
            await jobs.RefusalAsync("UpdateJobExecution", "thingName=t1&jobId=j", body: "{", service: "iot-jobs-data"));
    }

    [Fact]
    public async Task An_execution_in_progress_times_out()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"), ""","timeoutConfig":{"inProgressTimeoutInMinutes":5}""");
        await jobs.PassAsync(TimeSpan.FromHours(1));
        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t1"));
        var (_, started) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/start-next");
        Assert.Equal(300, (long)(await jobs.IotAsync("DescribeJobExecution", "jobId=j&thingName=t1"))["execution"]!["approximateSecondsBeforeTimedOut"]!);
        await jobs.PassAsync(TimeSpan.FromMinutes(4));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        jobs.Bus.Take();

        await jobs.PassAsync(TimeSpan.FromMinutes(1));

        Assert.Equal("TIMED_OUT", await jobs.StatusAsync("j", "t1"));
        Assert.Equal(
            ["$aws/events/jobExecution/j/timed_out", "$aws/things/t1/jobs/notify", "$aws/things/t1/jobs/notify-next", "$aws/events/job/j/completed"],
            jobs.Bus.TakeTopics());
    }

    [Fact]
    public async Task A_step_timeout_is_moved_by_updates_and_taken_away_by_minus_one()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        await jobs.Bus.AskAsync("$aws/things/t1/jobs/start-next", """{"stepTimeoutInMinutes":2}""");
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ",\"stepTimeoutInMinutes\":2");
        await jobs.PassAsync(TimeSpan.FromMinutes(1.5));
        Assert.Equal("IN_PROGRESS", await jobs.StatusAsync("j", "t1"));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ",\"stepTimeoutInMinutes\":-1");
        await jobs.PassAsync(TimeSpan.FromDays(1));
        Assert.Equal("IN_PROGRESS", await jobs.StatusAsync("j", "t1"));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ",\"stepTimeoutInMinutes\":1");
        await jobs.PassAsync(TimeSpan.FromMinutes(1));
        Assert.Equal("TIMED_OUT", await jobs.StatusAsync("j", "t1"));
    }

    [Fact]
    public async Task Of_two_deadlines_the_first_counts()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Group("g"), ""","timeoutConfig":{"inProgressTimeoutInMinutes":5}""");
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", ",\"stepTimeoutInMinutes\":2");
        await jobs.UpdateAsync("t2", "j", "IN_PROGRESS", ",\"stepTimeoutInMinutes\":60");

        await jobs.PassAsync(TimeSpan.FromMinutes(2));
        Assert.Equal(("TIMED_OUT", "IN_PROGRESS"), (await jobs.StatusAsync("j", "t1"), await jobs.StatusAsync("j", "t2")));
        await jobs.PassAsync(TimeSpan.FromMinutes(3));
        Assert.Equal("TIMED_OUT", await jobs.StatusAsync("j", "t2"));
    }

    [Theory]
    [InlineData("FAILED", "FAILED", 2)]
    [InlineData("FAILED", "TIMED_OUT", 1)]
    [InlineData("TIMED_OUT", "TIMED_OUT", 2)]
    [InlineData("TIMED_OUT", "FAILED", 1)]
    [InlineData("ALL", "TIMED_OUT", 2)]
    [InlineData("ALL", "FAILED", 2)]
    [InlineData("ALL", "REJECTED", 1)]
    public async Task What_is_retried_is_told_anew(string configured, string happened, int attempts)
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"), $$$"""
            ,"timeoutConfig":{"inProgressTimeoutInMinutes":1},"jobExecutionsRetryConfig":{"criteriaList":[{"failureType":"{{{configured}}}","numberOfRetries":1}]}
            """);
        if (happened == "TIMED_OUT")
            await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        jobs.Bus.Take();
        if (happened == "TIMED_OUT")
            await jobs.PassAsync(TimeSpan.FromMinutes(1));
        else
            await jobs.UpdateAsync("t1", "j", happened);

        var next = jobs.Bus.Take().Last(p => p.Topic == "$aws/things/t1/jobs/notify-next").Json["execution"];
        Assert.Equal(attempts == 1 ? "" : $"{attempts}", $"{next?["executionNumber"]}");
        Assert.Equal(attempts == 1 ? "COMPLETED" : "IN_PROGRESS", await jobs.JobStatusAsync("j"));
        if (attempts == 1)
            return;
        // A job that is canceled tries nothing again.
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS");
        await jobs.IotAsync("CancelJob", "jobId=j");
        await jobs.UpdateAsync("t1", "j", "FAILED");
        Assert.Equal("FAILED", await jobs.StatusAsync("j", "t1"));
    }

    [Fact]
    public async Task A_request_with_one_wrong_member_changes_nothing_at_all()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync("j", JobsFixture.Thing("t1"));
        foreach (var wrong in (string[])[
            """ "includeJobExecutionState":"yes" """, """ "includeJobDocument":1 """, $$""" "statusDetails":{"{{new string('k', 129)}}":"v"} """,
            $$""" "statusDetails":{"k":"{{new string('v', 1025)}}"} """, """ "stepTimeoutInMinutes":10081 """, $$""" "clientToken":"{{new string('t', 65)}}" """])
        {
            var (_, answer) = await jobs.UpdateAsync("t1", "j", "SUCCEEDED", "," + wrong);
            Assert.Equal("InvalidRequest", (string?)answer["code"]);
            if (!wrong.Contains("clientToken", StringComparison.Ordinal))
                Assert.Equal((400, "InvalidRequestException"), await jobs.RefusalAsync("UpdateJobExecution", "thingName=t1&jobId=j", body: $$"""{"status":"SUCCEEDED",{{wrong}}}""", service: "iot-jobs-data"));
        }

        Assert.Equal("QUEUED", await jobs.StatusAsync("j", "t1"));
        await jobs.UpdateAsync("t1", "j", "IN_PROGRESS", $$$""","statusDetails":{"{{{new string('k', 128)}}}":"{{{new string('v', 1024)}}}"}""");
        Assert.Equal("IN_PROGRESS", await jobs.StatusAsync("j", "t1"));
    }

    [Fact]
    public async Task A_failed_execution_is_retried_as_often_as_configured()
    {
        await using var jobs = new JobsFixture();
        await jobs.CreateAsync(
            "j", JobsFixture.Thing("t1"), ""","jobExecutionsRetryConfig":{"criteriaList":[{"failureType":"FAILED","numberOfRetries":1}]}""");

        await jobs.UpdateAsync("t1", "j", "FAILED");
        var (_, second) = await jobs.Bus.AskAsync("$aws/things/t1/jobs/$next/get");
        await jobs.UpdateAsync("t1", "j", "FAILED");

        Assert.Equal(2, (long)second["execution"]!["executionNumber"]!);
        Assert.Equal("COMPLETED", await jobs.JobStatusAsync("j"));
        var listed = (await jobs.IotAsync("ListJobExecutionsForThing", "thingName=t1"))["executionSummaries"]!.AsArray();
        Assert.Equal([1, 0], listed.Select(e => (int)e!["jobExecutionSummary"]!["retryAttempt"]!));
        Assert.Equal(1, (int)(await jobs.IotAsync("DescribeJob", "jobId=j"))["job"]!["jobProcessDetails"]!["numberOfFailedThings"]!);
    }

    private static void AssertJson(string expected, JsonNode actual) =>
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(expected), actual), actual.ToJsonString());
}
