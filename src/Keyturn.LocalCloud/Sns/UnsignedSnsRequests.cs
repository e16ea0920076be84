using System.Text;
using System.Xml.Linq;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Sns;

/// <summary>What SNS answers without a signature: the URLs in its messages, whose tokens and ARNs are the authority.</summary>
internal sealed class UnsignedSnsRequests(SnsService sns)
{
    private static readonly XNamespace Space = "http://sns.amazonaws.com/doc/2010-03-31/";

    /// <returns>Whether the request was one of these, and has been answered.</returns>
    public async Task<bool> TryHandleAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method) || http.Request.Headers.ContainsKey("Authorization"))
            return false;
        if (http.Request.Path == MessageSigner.CertificatePath)
        {
            http.Response.ContentType = "application/x-pem-file";
            await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(sns.Signer.CertificatePem), http.RequestAborted);
            return true;
        }

        var action = http.Request.Query["Action"].ToString();
        if (http.Request.Path != "/" || action is not ("ConfirmSubscription" or "Unsubscribe"))
            return false;
        XElement answer;
        try
        {
            answer = action == "Unsubscribe" ? Unsubscribe(http.Request.Query) : Confirm(http.Request.Query);
        }
        catch (ApiException refused)
        {
            http.Response.StatusCode = refused.Status;
            answer = new XElement(Space + "ErrorResponse", new XElement(Space + "Error",
                new XElement(Space + "Type", "Sender"), new XElement(Space + "Code", refused.Code), new XElement(Space + "Message", refused.Message)));
        }

        answer.Add(new XElement(Space + "ResponseMetadata", new XElement(Space + "RequestId", Guid.NewGuid())));
        http.Response.ContentType = "text/xml";
        await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(answer.ToString(SaveOptions.DisableFormatting)), http.RequestAborted);
        return true;
    }

    private XElement Confirm(IQueryCollection query)
    {
        var confirmed = sns.Confirm(sns.Find(query["TopicArn"].ToString()), query["Token"].ToString());
        return new XElement(Space + "ConfirmSubscriptionResponse",
            new XElement(Space + "ConfirmSubscriptionResult", new XElement(Space + "SubscriptionArn", confirmed.Arn)));
    }

    private XElement Unsubscribe(IQueryCollection query)
    {
        sns.Unsubscribe(query["SubscriptionArn"].ToString());
        return new XElement(Space + "UnsubscribeResponse");
    }
}
