using System.Text.Json.Nodes;

namespace Keyturn.LocalCore.Provisioning;

/// <summary>
/// The token exchange role and its alias, as the nucleus's installer makes them. The role may write logs; which buckets it may read is for the operator
/// to say.
/// </summary>
internal sealed class TokenExchange(AwsApi api, string account)
{
    public const string Alias = "GreengrassV2TokenExchangeRoleAlias";
    public const string Role = "GreengrassV2TokenExchangeRole";

    private const string Trust =
        """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"credentials.iot.amazonaws.com"},"Action":"sts:AssumeRole"}]}""";

    private const string Access =
        """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents","logs:DescribeLogStreams","s3:GetBucketLocation"],"Resource":"*"}]}""";

    public async Task EnsureAsync(CancellationToken cancellation)
    {
        try
        {
            await api.IamAsync("CreateRole", cancellation, ("AssumeRolePolicyDocument", Trust), ("RoleName", Role)).ConfigureAwait(false);
            await api.IamAsync("PutRolePolicy", cancellation, ("PolicyDocument", Access), ("PolicyName", Role + "Access"), ("RoleName", Role)).ConfigureAwait(false);
        }
        catch (AwsApiException refusal) when (refusal.Code == "EntityAlreadyExists")
        {
        }
        try
        {
            await api.CallAsync("CreateRoleAlias", HttpMethod.Post, $"role-aliases/{Alias}",
                new JsonObject { ["roleArn"] = $"arn:aws:iam::{account}:role/{Role}" }, cancellation: cancellation).ConfigureAwait(false);
        }
        catch (AwsApiException refusal) when (refusal.Code == "ResourceAlreadyExistsException")
        {
        }
    }
}
