using System.Text;
using CsCheck;
using Keyturn.Backend.Tests.World;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests;

public sealed class EventTests
{
    private const string Sender =
        """ "thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"pump1","principal":"abc" """;

    [Fact]
    public void The_rule_s_columns_and_the_payload_s_fields_are_read()
    {
        var request = Create("""{"jobId":"j","csr":"c","executionNumber":3,"rotationId":"r","clientToken":"t",""" + Sender + "}");
        Assert.Equal(new Sender("pump1", "awslabs/things/pump1/certificate/create", "pump1", "abc", "t"), request.Sender);
        Assert.Equal(new CreateRequest("j", "c", "r", "t", 3), request.Payload);
        Assert.Equal(1_795_478_430_250, Create("""{"jobId":"j","csr":"c","receivedAt":1795478430250,""" + Sender + "}").Sender.ReceivedAt);
    }

    [Fact]
    public void Absent_and_null_fields_are_the_reference_s() =>
        Assert.Equal(new CreateRequest("j", "c"), Create("""{"jobId":"j","csr":"c","executionNumber":null,"rotationId":null,""" + Sender + "}").Payload);

    [Theory]
    [InlineData("""{"jobId":7,"csr":"c",""", "jobId is not a string")]
    [InlineData("""{"csr":"c",""", "jobId is missing")]
    [InlineData("""{"jobId":"a/b","csr":"c",""", "jobId is not a job id")]
    [InlineData("""{"jobId":"j",""", "csr is missing")]
    [InlineData("""{"jobId":"j","csr":{"a":1},""", "csr is not a string")]
    [InlineData("""{"jobId":"j","csr":"c","executionNumber":"1",""", "executionNumber is not a whole number")]
    [InlineData("""{"jobId":"j","csr":"c","executionNumber":1.5,""", "executionNumber is not a whole number")]
    [InlineData("""{"jobId":"j","csr":"c","clientToken":true,""", "clientToken is not a string")]
    [InlineData("""{"jobId":"j","csr":"c","clientToken":"",""", "clientToken is not printable")]
    [InlineData("""{"jobId":"j","csr":"c","clientToken":"a b",""", "clientToken is not printable")]
    [InlineData("""{"jobId":"j","csr":"c","rotationId":"\u0007",""", "rotationId is not printable")]
    [InlineData("""{"jobId":"j","csr":"\ud800",""", "csr is not Unicode")]
    public void A_wrong_payload_is_a_fault_with_the_sender_known(string payload, string fault)
    {
        var request = Create(payload + Sender + "}");
        Assert.Null(request.Payload);
        Assert.Equal(fault, request.Fault);
        Assert.Equal("pump1", request.Sender.Thing);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(60_000)]
    public void A_field_is_a_fault_however_deep_it_is_nested(int depth)
    {
        var nested = new string('[', depth) + new string(']', depth);
        Assert.Equal("csr is not a string", Create("{" + $"\"jobId\":\"j\",\"csr\":{nested}," + Sender + "}").Fault);
        Assert.Null(DeviceRequest.ParseAttest(Encoding.UTF8.GetBytes("{" + $"\"csr\":{nested}," + Sender + "}")));
    }

    [Theory]
    [InlineData("csr")]
    [InlineData("jobId")]
    [InlineData("clientToken")]
    public void An_oversize_field_is_a_fault(string field)
    {
        var request = Create("{" + Sender + $",\"{field}\":\"{new string('x', 5000)}\"" + "}");
        Assert.Null(request.Payload);
        Assert.NotNull(request.Fault);
    }

    [Fact]
    public async Task A_fault_is_refused_by_code_and_echoes_the_token()
    {
        var cloud = new Cloud();
        await cloud.HandleAsync(Create("""{"jobId":"j","csr":5,"clientToken":"t",""" + Sender + "}"));
        var (topic, answer) = Assert.Single(cloud.Published);
        Assert.Equal("awslabs/things/pump1/certificate/create/rejected", topic);
        Assert.Equal(RefusalCode.MalformedRequest, answer.GetProperty("code").GetString());
        Assert.Equal("t", answer.GetProperty("clientToken").GetString());
        Assert.StartsWith(RefusalCode.ReferenceText, answer.GetProperty("errorMsg").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"thingName":"pump1"}""")]
    [InlineData("""{"thingName":"pump1","topic":"awslabs/things/pump2/certificate/create","clientId":"a","principal":"b"}""")]
    [InlineData("""{"thingName":"pump1","topic":"awslabs/things/pump1/certificate/commit","clientId":"a","principal":"b"}""")]
    [InlineData("""{"thingName":"a/b","topic":"awslabs/things/a/b/certificate/create","clientId":"a","principal":"b"}""")]
    [InlineData("""{"thingName":["pump1"],"topic":"awslabs/things/pump1/certificate/create","clientId":"a","principal":"b"}""")]
    [InlineData("""{"thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"a"}""")]
    [InlineData("""{"thingName":"pump1","topic":"awslabs/things/pump1/certificate/create","clientId":"a","principal":"b","principal":"c"}""")]
    public void What_the_rule_can_t_have_sent_is_no_request(string json) =>
        Assert.Throws<FormatException>(() => DeviceRequest.ParseCreate(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void A_payload_can_t_stand_in_for_the_sender()
    {
        // The rule names its columns: of this payload, AWS IoT would hand over the named fields only, with its own sender.
        const string collision = """{"jobId":"j","csr":"c","thingName":"pump2","principal":"stolen",""";
        Assert.Throws<FormatException>(() => Create(collision + Sender + "}"));
    }

    [Fact]
    public void Verify_is_true_or_false()
    {
        const string sender = """ "thingName":"pump1","topic":"awslabs/things/pump1/certificate/commit","clientId":"pump1","principal":"abc"} """;
        Assert.True(DeviceRequest.ParseCommit(Encoding.UTF8.GetBytes("""{"jobId":"j","verify":true,""" + sender)).Payload!.Verify);
        Assert.Null(DeviceRequest.ParseCommit(Encoding.UTF8.GetBytes("""{"jobId":"j",""" + sender)).Payload!.Verify);
        Assert.Equal(
            "verify is neither true nor false",
            DeviceRequest.ParseCommit(Encoding.UTF8.GetBytes("""{"jobId":"j","verify":"true",""" + sender)).Fault);
    }

    [Fact]
    public void A_job_event_is_read_with_a_boolean_or_a_string_beside_our_details()
    {
        foreach (var mark in new[] { "true", "\"true\"" })
        {
            var json = """{"eventType":"JOB_EXECUTION","eventId":"e","timestamp":1700000000,"operation":"failed","jobId":"j","""
                + """ "thingArn":"arn:aws:iot:us-east-1:012345678901:thing/pump:1","status":"FAILED","statusDetails":{"CertificateRotator":"""
                + mark + ""","step":"create","reason":"r"}}""";
            Assert.Equal(
                new JobEvent("pump:1", "j", "FAILED", 1_700_000_000, "e", null, "create", "r"), JobEvent.Parse(Encoding.UTF8.GetBytes(json)));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("\"x\"")]
    [InlineData("""{"timestamp":"now","jobId":"j","thingArn":"arn:aws:iot:r:a:thing/t","status":"FAILED"}""")]
    [InlineData("""{"timestamp":1,"jobId":"j","thingArn":"arn:aws:iot:r:a:thing/","status":"FAILED"}""")]
    [InlineData("""{"timestamp":1,"jobId":"j","thingArn":"t","status":"FAILED"}""")]
    [InlineData("""{"timestamp":1,"jobId":"","thingArn":"arn:aws:iot:r:a:thing/t","status":"FAILED"}""")]
    [InlineData("""{"timestamp":1,"jobId":"j","thingArn":"arn:aws:iot:r:a:thing/t","status":3}""")]
    public void What_is_no_job_event_is_refused(string json) =>
        Assert.Throws<FormatException>(() => JobEvent.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Noise_is_never_an_event_and_never_crashes() =>
        Gen.Byte.Array[0, 300].Sample(
            noise =>
            {
                Assert.Throws<FormatException>(() => DeviceRequest.ParseCreate(noise));
                Assert.Throws<FormatException>(() => DeviceRequest.ParseCommit(noise));
                Assert.Throws<FormatException>(() => JobEvent.Parse(noise));
            },
            iter: 2_000, threads: 2);

    private static DeviceRequest<CreateRequest> Create(string json) => DeviceRequest.ParseCreate(Encoding.UTF8.GetBytes(json));
}
