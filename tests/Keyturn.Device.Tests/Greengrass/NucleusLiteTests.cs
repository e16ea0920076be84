using Keyturn.Device.Credentials;
using Keyturn.Device.Greengrass;

namespace Keyturn.Device.Tests.Greengrass;

public sealed class NucleusLiteTests
{
    [Fact]
    public void Is_refused_with_what_to_do_and_nothing_touched()
    {
        var message = Assert.Throws<CredentialException>(() => NucleusLite.Refuse("/var/lib/greengrass/gg-ipc.socket")).Message;
        Assert.Contains("nucleus lite", message, StringComparison.Ordinal);
        Assert.Contains("Nothing was read or changed", message, StringComparison.Ordinal);
        Assert.Contains("classic", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/greengrass/v2/ipc.socket")]
    [InlineData("../../ipc.socket")]
    [InlineData(@"\\.\pipe\NucleusNamedPipe-0f")]
    public void Is_not_what_a_classic_nucleus_is_taken_for(string socket) => NucleusLite.Refuse(socket);
}
