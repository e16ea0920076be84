namespace Keyturn.LocalCloud.Tests.Rules;

public sealed class SqlStatementTests
{
    private const string Colour = """{"color":"red","temperature":50}""";

    [Theory]
    [InlineData("SELECT * FROM 'a/b'", Colour, Colour)]
    [InlineData("select color from 'a/b'", Colour, """{"color":"red"}""")]
    [InlineData("SELECT color AS my_color FROM 'a/b'", Colour, """{"my_color":"red"}""")]
    [InlineData("SELECT *, 15 as speed FROM 'a/b'", Colour, """{"color":"red","temperature":50,"speed":15}""")]
    [InlineData("SELECT VALUE color FROM 'a/b'", Colour, "\"red\"")]
    [InlineData("SELECT VALUE * FROM 'a/b'", "[1,2]", "[1,2]")]
    [InlineData("SELECT value FROM 'a'", """{"value":7}""", """{"value":7}""")]
    [InlineData("SELECT value.x FROM 'a'", """{"value":{"x":7}}""", """{"x":7}""")]
    [InlineData("SELECT color.red as red_value FROM 'a/b'", """{"color":{"red":255}}""", """{"red_value":255}""")]
    [InlineData("SELECT foo.bar AS bar.baz FROM 'a/b'", """{"foo":{"bar":1}}""", """{"bar":{"baz":1}}""")]
    [InlineData("SELECT (temperature - 32) * 5 / 9 AS celsius, upper(color) as my_color FROM 'a/b'", Colour, """{"celsius":10,"my_color":"RED"}""")]
    [InlineData("SELECT nothing, color FROM 'a'", Colour, """{"color":"red"}""")]
    [InlineData("SELECT n FROM 'a'", """{"n":null}""", """{"n":null}""")]
    [InlineData("SELECT upper(color) FROM 'a'", Colour, """{"upper(color)":"RED"}""")]
    [InlineData("SELECT topic(3) AS thingName, color AS thingName FROM 'a'", Colour, """{"thingName":"red"}""")]
    [InlineData("SELECT (SELECT VALUE n FROM e) as sensors FROM 'a'", """{"e":[{"n":"t"},{"n":"l"}]}""", """{"sensors":["t","l"]}""")]
    [InlineData("SELECT (SELECT v FROM e WHERE n = 't') as t FROM 'a'", """{"e":[{"n":"t","v":22.5},{"n":"l","v":1}]}""", """{"t":[{"v":22.5}]}""")]
    [InlineData("SELECT get((SELECT v FROM e WHERE n = 't'), 0).v as t FROM 'a'", """{"e":[{"n":"t","v":22.5}]}""", """{"t":22.5}""")]
    [InlineData("SELECT {'latitude': get(l, 0), 'longitude': l[1]} as p FROM 'a'", """{"l":[47.606,-122.332]}""", """{"p":{"latitude":47.606,"longitude":-122.332}}""")]
    public void A_selection_makes_the_result_that_AWS_documents(string sql, string payload, string expected) =>
        Assert.Equal(expected, Sql.Run(sql, payload));

    [Fact]
    public void A_rule_that_names_its_columns_lets_no_payload_stand_in_for_the_sender()
    {
        const string sql = "SELECT jobId, csr, topic(3) AS thingName, topic() AS topic, clientid() AS clientId, principal() AS principal "
            + "FROM 'awslabs/things/+/certificate/create'";

        var result = Sql.Run(sql, """{"jobId":"j","principal":"forged","thingName":"other","clientId":"x"}""");

        Assert.Equal(
            $$"""{"jobId":"j","thingName":"pump1","topic":"{{Sql.Topic}}","clientId":"pump1","principal":"{{Sql.Principal}}"}""", result);
    }

    [Fact]
    public void A_message_of_the_cloud_itself_has_no_client_and_no_principal() =>
        Assert.Equal("""{"c":"n/a"}""", Sql.Run("SELECT clientid() AS c, principal() AS p FROM 'a'", "{}", clientId: null, principal: null));

    [Theory]
    [InlineData("not json")]
    [InlineData("")]
    [InlineData("{\"a\":")]
    [InlineData("{\"a\":1,\"a\":2")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    public void A_payload_that_is_not_json_has_no_columns(string payload)
    {
        Assert.Equal("""{"t":"pump1"}""", Sql.Run("SELECT jobId, topic(3) AS t FROM 'a'", payload));
        Assert.Equal(payload, Sql.Run("SELECT * FROM 'a'", payload));
        Assert.Null(Sql.Run("SELECT * FROM 'a' WHERE a = 1", payload));
    }

    [Theory]
    [InlineData("temperature > 40", true)]
    [InlineData("temperature > 50", false)]
    [InlineData("temperature >= 50 AND color <> 'red'", false)]
    [InlineData("temperature >= 50 AND NOT color <> 'red'", true)]
    [InlineData("nothing = 1", false)]
    [InlineData("nothing = 1 OR temperature = 50", false)]
    [InlineData("NOT isUndefined(nothing)", false)]
    [InlineData("NOT isUndefined(details.flag)", true)]
    [InlineData("ISUNDEFINED(details.other)", true)]
    [InlineData("details.flag", true)]
    [InlineData("color", false)]
    [InlineData("color IN ['red', 'green']", true)]
    [InlineData("temperature", false)]
    public void Only_a_true_condition_lets_a_message_through(string where, bool passes)
    {
        const string payload = """{"color":"red","temperature":50,"details":{"flag":"true"}}""";

        Assert.Equal(passes, Sql.Run($"SELECT color FROM 'a' WHERE {where}", payload) is not null);
    }

    [Theory]
    [InlineData("true")]
    [InlineData("\"true\"")]
    public void Job_events_pass_whether_the_mark_is_a_boolean_or_a_string(string mark)
    {
        const string sql = "SELECT * FROM '$aws/events/jobExecution/#' WHERE NOT isUndefined(statusDetails.CertificateRotator)";

        Assert.NotNull(Sql.Run(sql, $$$"""{"statusDetails":{"CertificateRotator":{{{mark}}}}}"""));
        Assert.Null(Sql.Run(sql, """{"statusDetails":{}}"""));
        Assert.Null(Sql.Run(sql, """{"statusDetails":"x"}"""));
    }
}
