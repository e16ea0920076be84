using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Quotas;
using Keyturn.LocalCloud.Tests.Hosting;
using MQTTnet;
using MQTTnet.Formatter;

namespace Keyturn.LocalCloud.Tests.Quotas;

public sealed class QuotaTests
{
    [Theory]
    [InlineData("ten iot:CreateThing", "line 1: 'ten' is not a number")]
    [InlineData("# fine\n0 iot:CreateThing", "line 2: '0' is not a number")]
    [InlineData("5", "line 1: it names no call")]
    [InlineData("5 iot:CreateThing\n6 iot:CreateThing", "line 2: 'iot:CreateThing' has a quota already")]
    [InlineData("5 iot:CreateThingg", "line 1: 'iot:CreateThingg' is not a call of this cloud")]
    public void A_bad_table_is_refused_by_its_line(string text, string why)
    {
        var wrong = Assert.Throws<FormatException>(() => QuotaTable.Parse(text).Check(new HashSet<string> { "iot:CreateThing" }));
        Assert.StartsWith(why, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_bad_file_is_one_line_and_status_1()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "10 iot:Nonsense\n");
        using var process = LocalCloudProcess.Start("--quotas", file, "--api-port", "0");
        var line = Assert.Single((await process.StandardError.ReadToEndAsync()).TrimEnd().Split('\n'));
        await process.WaitForExitAsync();
        File.Delete(file);

        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith($"local-cloud: --quotas {file} can't be used: line 1: 'iot:Nonsense'", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_control_plane_throttles_with_400_and_recovers_within_a_second()
    {
        await using var cloud = await TimedCloud.StartAsync("default");
        List<SignedAnswer> answers = [];
        for (var i = 0; i < 11; i++)
            answers.Add(await cloud.CallAsync("iot", "GET", "/certificates/" + new string('0', 64)));

        Assert.All(answers.Take(10), a => Assert.Equal((404, "ResourceNotFoundException"), (a.Status, a.Error)));
        Assert.Equal((400, "ThrottlingException", "Rate exceeded"), (answers[10].Status, answers[10].Error, answers[10].Json["message"]!.ToString()));
        // Other calls have buckets of their own.
        Assert.Equal(404, (await cloud.CallAsync("iot", "GET", "/jobs/none")).Status);
        cloud.Time.Advance(TimeSpan.FromMilliseconds(100));
        Assert.Equal(404, (await cloud.CallAsync("iot", "GET", "/certificates/" + new string('0', 64))).Status);
        Assert.Equal(400, (await cloud.CallAsync("iot", "GET", "/certificates/" + new string('0', 64))).Status);
        // A call that was throttled was made, and is counted.
        Assert.Equal(13, (await cloud.ManageAsync("GET", "/calls")).Json["iot:DescribeCertificate"]!.GetValue<int>());
    }

    [Fact]
    public async Task Reads_of_the_jobs_data_plane_share_a_bucket_over_HTTP_and_MQTT()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "3 iot-jobs-data:DescribeJobExecution iot-jobs-data:GetPendingJobExecutions\n1 lambda:ListFunctions\n1 sns:ListTopics\n1 dynamodb:ListTables\n");
        await using var cloud = await TimedCloud.StartAsync(file);
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("$aws/things/t1/jobs/+/get/accepted", "$aws/things/t1/jobs/get/#");

        Assert.Equal(200, (await cloud.CallAsync("iot-jobs-data", "GET", "/things/t1/jobs")).Status);
        Assert.Equal(200, (await cloud.CallAsync("iot-jobs-data", "GET", "/things/t1/jobs/%24next")).Status);
        await device.PublishAsync("$aws/things/t1/jobs/get", "{}");
        Assert.Equal("$aws/things/t1/jobs/get/accepted", (await device.NextAsync()).Topic);
        await device.PublishAsync("$aws/things/t1/jobs/get", """{"clientToken":"x"}""");
        var (topic, payload) = await device.NextAsync();
        Assert.Equal("$aws/things/t1/jobs/get/rejected", topic);
        Assert.Equal(("RequestThrottled", "x"), (JsonNode.Parse(payload)!["code"]!.ToString(), JsonNode.Parse(payload)!["clientToken"]!.ToString()));
        var overHttp = await cloud.CallAsync("iot-jobs-data", "GET", "/things/t1/jobs");
        Assert.Equal((429, "ThrottlingException"), (overHttp.Status, overHttp.Error));
        // Writes are counted elsewhere.
        Assert.Equal(200, (await cloud.CallAsync("iot-jobs-data", "PUT", "/things/t1/jobs/%24next", "{}")).Status);
        File.Delete(file);
    }

    [Fact]
    public async Task Each_protocol_has_its_own_words_for_it()
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, "1 lambda:ListFunctions\n1 sns:ListTopics\n1 dynamodb:ListTables\n1 iot-data:ListRetainedMessages\n");
        await using var cloud = await TimedCloud.StartAsync(file);
        foreach (var expected in (bool[])[false, true])
        {
            var lambda = await cloud.CallAsync("lambda", "GET", "/2015-03-31/functions");
            var sns = await cloud.CallAsync("sns", "POST", "/", "Action=ListTopics", "application/x-www-form-urlencoded");
            var tables = await cloud.CallAsync("dynamodb", "POST", "/", "{}", "application/x-amz-json-1.0", ("x-amz-target", "DynamoDB_20120810.ListTables"));
            var data = await cloud.CallAsync("iotdata", "GET", "/retainedMessage");
            Assert.Equal(expected ? (429, "TooManyRequestsException") : (200, null), (lambda.Status, lambda.Error));
            Assert.Equal(expected ? 400 : 200, sns.Status);
            Assert.Equal(expected, sns.Text.Contains("<Code>Throttling</Code>", StringComparison.Ordinal));
            Assert.Equal(expected ? (400, "ThrottlingException") : (200, null), (tables.Status, tables.Error));
            Assert.Equal(expected ? (429, "ThrottlingException") : (200, null), (data.Status, data.Error));
        }

        File.Delete(file);
    }

    [Fact]
    public async Task A_client_id_connects_once_a_second()
    {
        await using var cloud = await TimedCloud.StartAsync("default");
        var certificate = await cloud.AddDeviceAsync("t1");
        var first = cloud.Client(certificate);
        await first.ConnectAsync("t1");

        Assert.Equal(MqttClientConnectResultCode.ConnectionRateExceeded, (await cloud.Client(certificate).ConnectAsync("t1", MqttProtocolVersion.V500)).ResultCode);
        Assert.Equal(MqttClientConnectResultCode.Success, (await cloud.Client(certificate).ConnectAsync("other", MqttProtocolVersion.V500)).ResultCode);
        cloud.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(MqttClientConnectResultCode.Success, (await cloud.Client(certificate).ConnectAsync("t1", MqttProtocolVersion.V500)).ResultCode);
    }

    [Fact]
    public async Task The_shadow_of_one_thing_takes_twenty_requests_a_second()
    {
        await using var cloud = await TimedCloud.StartAsync("default");
        var device = await cloud.ConnectAsync("t1");
        await device.SubscribeAsync("$aws/things/t1/shadow/update/accepted", "$aws/things/t1/shadow/update/rejected");
        for (var i = 0; i < 20; i++)
        {
            await device.PublishAsync("$aws/things/t1/shadow/update", """{"state":{}}""");
            Assert.EndsWith("/accepted", (await device.NextAsync()).Topic, StringComparison.Ordinal);
        }

        await device.PublishAsync("$aws/things/t1/shadow/update", """{"state":{}}""");
        Assert.Equal(429, JsonNode.Parse((await device.NextAsync()).Payload)!["code"]!.GetValue<int>());
        Assert.Equal(429, (await cloud.CallAsync("iotdata", "GET", "/things/t1/shadow")).Status);
        Assert.Equal(404, (await cloud.CallAsync("iotdata", "GET", "/things/t2/shadow")).Status);
    }

    [Fact]
    public void Buckets_of_many_keys_are_forgotten_when_full_again()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var limits = new RateLimits(1, time);
        Assert.True(limits.TryTake("a"));
        Assert.False(limits.TryTake("a"));
        time.Advance(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 10_001; i++)
            Assert.True(limits.TryTake($"{i}"));
        Assert.True(limits.TryTake("a"));
        Assert.False(limits.TryTake("a"));
    }
}
