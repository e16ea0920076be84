using System.Text;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Hosting;

/// <summary>The plain HTTP port: every API, and the root CA for those who have yet to trust it.</summary>
internal sealed class ApiPlane(ApiServer api, string rootPem)
{
    public async Task HandleAsync(HttpContext http)
    {
        if (!HttpMethods.IsGet(http.Request.Method) || http.Request.Path != "/root-ca.pem")
        {
            await api.HandleAsync(http);
            return;
        }

        http.Response.ContentType = "application/x-pem-file";
        await http.Response.Body.WriteAsync(Encoding.ASCII.GetBytes(rootPem), http.RequestAborted);
    }
}
