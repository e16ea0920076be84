using System.Text.Json;
using Keyturn.Device.Credentials;
using Keyturn.Device.Credentials.Pkcs11;

namespace Keyturn.Device.Tests.Credentials;

public sealed class Pkcs11UriTests
{
    [Theory]
    [InlineData("pkcs11:object=iotkey;type=private", "iotkey")]
    [InlineData("pkcs11:type=private;object=iotkey", "iotkey")]
    [InlineData("PKCS11:object=iotkey", "iotkey")]
    [InlineData("pkcs11:token=My%20token;serial=12;object=a%20b%3Bc%3d%C3%A9;type=private;slot-id=4?pin-value=1234&module-name=x", "a b;c=é")]
    [InlineData("pkcs11:object=iotkey;type=private;pin-value=1234", "iotkey")]
    public void The_label_is_found_whatever_stands_around_it(string text, string label)
    {
        var uri = Pkcs11Uri.Parse(text, "system.privateKeyPath", "private");
        Assert.Equal(label, uri.Label);
        Assert.Equal(uri.Label, Pkcs11Uri.Parse(uri.ToText("private"), "it", "private").Label);
        Assert.DoesNotContain("1234", uri.ToText("private") + uri, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pkcs11:type=private", "names no object")]
    [InlineData("pkcs11:object=;type=private", "names no object")]
    [InlineData("pkcs11:object=a;id=%01", "names an id")]
    [InlineData("pkcs11:object=a;type=cert", "type=cert")]
    [InlineData("pkcs11:object=a;object=b", "twice")]
    [InlineData("pkcs11:object=a%2", "percent")]
    [InlineData("pkcs11:object=a%zz", "percent")]
    [InlineData("pkcs11:object=%ff", "percent")]
    [InlineData("pkcs11:object", "name=value")]
    public void What_could_not_be_found_again_is_refused_with_the_reason(string text, string reason)
    {
        var message = Assert.Throws<CredentialException>(() => Pkcs11Uri.Parse(text, "system.privateKeyPath", "private")).Message;
        Assert.Contains(reason, message, StringComparison.Ordinal);
        Assert.StartsWith("system.privateKeyPath", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"library": "/usr/lib/x.so", "slot": 5, "userPin": "123"}""")]
    [InlineData("""{"name": "softhsm", "library": "/usr/lib/x.so", "slot": "5", "userPin": 123}""")]
    public void A_slot_is_a_number_or_one_written_as_text(string json)
    {
        var options = Pkcs11Options.From(JsonDocument.Parse(json).RootElement);
        Assert.Equal(("/usr/lib/x.so", 5ul, "123"), (options.Library, options.Slot, options.UserPin));
        Assert.DoesNotContain("123", options.ToString()!, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"slot": 5}""", "library")]
    [InlineData("""{"library": "x", "slot": "five"}""", "slot")]
    [InlineData("""{"library": "x"}""", "slot")]
    [InlineData("""{"library": "x", "slot": -1}""", "slot")]
    [InlineData("7", "library")]
    public void What_is_missing_is_named(string json, string missing) => Assert.Contains(
        missing, Assert.Throws<CredentialException>(() => Pkcs11Options.From(JsonDocument.Parse(json).RootElement)).Message, StringComparison.Ordinal);
}
