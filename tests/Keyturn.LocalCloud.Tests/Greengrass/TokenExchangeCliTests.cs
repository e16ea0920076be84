using Keyturn.LocalCloud.Tests.Hosting;

namespace Keyturn.LocalCloud.Tests.Greengrass;

/// <summary>The role that core devices download artifacts with, and its alias, through Debian's CLI.</summary>
public sealed class TokenExchangeCliTests(LocalCloudProcess cloud)
{
    private const string Trust = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}}""";
    private const string Policy = """{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}""";

    [Fact]
    public async Task A_role_has_policies_of_its_own_and_an_alias()
    {
        var name = $"role-{Guid.NewGuid():N}";
        var arn = $"arn:aws:iam::012345678901:role/{name}";
        Assert.Equal(arn, (await cloud.Aws.RunAsync("iam", "create-role", "--role-name", name, "--assume-role-policy-document", Trust))["Role"]!["Arn"]!.ToString());
        Assert.Equal(arn, (await cloud.Aws.RunAsync("iam", "get-role", "--role-name", name))["Role"]!["Arn"]!.ToString());
        Assert.Equal("EntityAlreadyExists", await cloud.Aws.RefusedAsync("iam", "create-role", "--role-name", name, "--assume-role-policy-document", Trust));
        Assert.Equal("MalformedPolicyDocument", await cloud.Aws.RefusedAsync("iam", "put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document", "{}"));
        Assert.Equal("NoSuchEntity", await cloud.Aws.RefusedAsync("iam", "get-role-policy", "--role-name", name, "--policy-name", "p"));
        await cloud.Aws.RunAsync("iam", "put-role-policy", "--role-name", name, "--policy-name", "p", "--policy-document", Policy);
        Assert.Equal(
            "s3:GetObject", (await cloud.Aws.RunAsync("iam", "get-role-policy", "--role-name", name, "--policy-name", "p"))["PolicyDocument"]!["Statement"]!["Action"]!.ToString());
        await cloud.Aws.RunAsync("iam", "delete-role-policy", "--role-name", name, "--policy-name", "p");
        Assert.Equal("NoSuchEntity", await cloud.Aws.RefusedAsync("iam", "delete-role-policy", "--role-name", name, "--policy-name", "p"));
        Assert.Equal("NoSuchEntity", await cloud.Aws.RefusedAsync("iam", "get-role", "--role-name", "none-" + name));

        var alias = $"arn:aws:iot:us-east-1:012345678901:rolealias/{name}";
        Assert.Equal(alias, (await cloud.Aws.RunAsync("iot", "create-role-alias", "--role-alias", name, "--role-arn", arn))["roleAliasArn"]!.ToString());
        Assert.Equal("ResourceAlreadyExistsException", await cloud.Aws.RefusedAsync("iot", "create-role-alias", "--role-alias", name, "--role-arn", arn));
        Assert.Equal(arn, (await cloud.Aws.RunAsync("iot", "describe-role-alias", "--role-alias", name))["roleAliasDescription"]!["roleArn"]!.ToString());
        Assert.Contains(name, (await cloud.Aws.RunAsync("iot", "list-role-aliases"))["roleAliases"]!.AsArray().Select(a => a!.ToString()));
        await cloud.Aws.RunAsync("iot", "delete-role-alias", "--role-alias", name);
        Assert.Equal("ResourceNotFoundException", await cloud.Aws.RefusedAsync("iot", "describe-role-alias", "--role-alias", name));
    }
}
