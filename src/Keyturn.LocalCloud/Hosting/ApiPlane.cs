using System.Text;
using Keyturn.LocalCloud.Api;
using Keyturn.LocalCloud.CloudFormation;
using Keyturn.LocalCloud.Sns;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>The plain HTTP port: every API, and what is given unsigned: the root CA for those who have yet to trust it, the URLs of notifications.</summary>
internal sealed class ApiPlane(ApiServer api, UnsignedSnsRequests notifications, CustomResourceAnswers answers, string rootPem)
{
    public async Task HandleAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method) || http.Request.Path != "/root-ca.pem")
        {
            if (!await notifications.TryHandleAsync(http) && !await answers.TryHandleAsync(http))
                await api.HandleAsync(http);
            return;
        }

        http.Response.ContentType = "application/x-pem-file";
        await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(rootPem), http.RequestAborted);
    }
}
