using System.Net.Http;
using Amazon.Runtime;

namespace Keyturn.Cli.Components;

/// <summary>What AWS refuses, in words for the person at the keyboard. Anything that none of them can mend stays an exception.</summary>
internal static class AwsFaults
{
    private static readonly string[] Expired = ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"];

    private static readonly string[] Unknown =
        ["InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure"];

    private static readonly string[] Denied = ["AccessDenied", "AccessDeniedException", "UnauthorizedException", "Forbidden"];

    /// <param name="permission">What the call needs, such as <c>s3:PutObject on arn:…</c>.</param>
    /// <param name="untouched">What happened and what did not, as a sentence.</param>
    public static async Task<T> ExplainAsync<T>(string permission, string untouched, Func<Task<T>> call)
    {
        try
        {
            return await call();
        }
        catch (AmazonServiceException error) when (Expired.Contains(error.ErrorCode))
        {
            throw new UserException($"the AWS credentials have expired. {untouched} Renew them ('aws sso login', for example), then run this again.", error);
        }
        catch (AmazonServiceException error) when (Unknown.Contains(error.ErrorCode))
        {
            throw new UserException($"AWS does not know these credentials ({error.ErrorCode}). {untouched} Check AWS_PROFILE, or the keys in the environment.", error);
        }
        catch (AmazonServiceException error) when (Denied.Contains(error.ErrorCode) || error.StatusCode == System.Net.HttpStatusCode.Forbidden)
        {
            throw new UserException($"these credentials may not do {permission}. {untouched} Grant it, or use other credentials. AWS says: {error.Message}", error);
        }
        catch (AmazonServiceException error) when (error.ErrorCode is "PermanentRedirect")
        {
            throw new UserException($"{permission} was refused ({error.ErrorCode}): it is in another region. {untouched} Set AWS_REGION to that one.", error);
        }
        catch (AmazonServiceException error) when (error.ErrorCode is "ValidationException" or "ConflictException")
        {
            throw new UserException($"{permission} was refused ({error.ErrorCode}). {untouched} AWS says: {error.Message}", error);
        }
        catch (AmazonClientException error)
        {
            throw new UserException($"AWS was not called: {error.Message.Split('\n')[0].Trim()} {untouched} Set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_REGION.", error);
        }
        catch (HttpRequestException error)
        {
            throw new UserException($"AWS can't be reached: {error.Message}. {untouched} Check the network and AWS_ENDPOINT_URL.", error);
        }
    }
}
