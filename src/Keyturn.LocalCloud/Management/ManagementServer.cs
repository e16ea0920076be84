using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Management;

/// <summary>The management port: a page to look at, what tests ask about, and faults.</summary>
/// <param name="page">The page's HTML.</param>
internal sealed class ManagementServer(
    CallCounter calls, Func<JsonArray> notifications, FaultOperations faults, StackState stack, Func<string> page)
{
    private const int MaxBody = 64 * 1024;

    public async Task HandleAsync(HttpContext http)
    {
        var (status, type, body) = FromElsewhere(http) ?? await AnswerAsync(http);
        http.Response.StatusCode = status;
        // The page shows what devices sent: nothing of it may run or load anything, whatever gets past the escaping.
        http.Response.Headers.ContentSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.CacheControl = "no-store";
        if (body.Length == 0)
            return;
        http.Response.ContentType = type;
        var bytes = Encoding.UTF8.GetBytes(body);
        http.Response.ContentLength = bytes.Length;
        if (!HttpMethods.IsHead(http.Request.Method))
            await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    private async Task<(int, string, string)> AnswerAsync(HttpContext http)
    {
        var path = http.Request.Path.Value ?? "";
        switch (http.Request.Method, path)
        {
            case ("GET" or "HEAD", "/"):
                return (200, "text/html; charset=utf-8", page());
            case ("GET", "/calls"):
                return Json(200, calls.Show());
            case ("DELETE", "/calls"):
                calls.Reset();
                return (204, "", "");
            case ("GET", "/notifications"):
                return Json(200, notifications());
            case ("GET", "/permissions"):
                return Json(200, stack.Permissions());
            case ("GET", "/schedules"):
                return Json(200, stack.Schedules());
            case ("POST", _) when path.StartsWith("/schedules/", StringComparison.Ordinal):
                return stack.Fire(path["/schedules/".Length..]) is { } targets
                    ? Json(202, new JsonObject { ["targets"] = targets })
                    : Problem(404, "there is no such schedule; GET /schedules lists them");
            case ("GET", "/faults"):
                return Json(200, faults.Show());
            case ("POST", "/faults"):
                return await SetFaultsAsync(http);
            case ("DELETE", "/faults"):
                faults.Remove("");
                return (204, "", "");
            case ("DELETE", _) when path.StartsWith("/faults/", StringComparison.Ordinal):
                return faults.Remove(path["/faults/".Length..]) ? (204, "", "") : Problem(404, "there is no such fault; GET /faults lists them");
            case (_, "/" or "/calls" or "/notifications" or "/faults" or "/permissions" or "/schedules"):
                return Problem(405, $"{http.Request.Method} is not offered at {path}");
            default:
                return Problem(404, "offered here: GET /, GET and DELETE /calls, GET /notifications, GET, POST and DELETE /faults, GET /permissions, GET /schedules, POST /schedules/NAME");
        }
    }

    private async Task<(int, string, string)> SetFaultsAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        if (http.Request.ContentLength > MaxBody)
            return Problem(413, $"at most {MaxBody} bytes of faults are taken");
        await http.Request.Body.CopyToAsync(body, http.RequestAborted);
        try
        {
            return Json(201, new JsonObject { ["ids"] = faults.Set(Encoding.UTF8.GetString(body.GetBuffer(), 0, (int)body.Length)) });
        }
        catch (FormatException wrong)
        {
            return Problem(400, $"{wrong.Message}; no fault was set");
        }
    }

    /// <summary>
    /// A page in the browser of whoever runs this can send requests here too. Such a request names the page's site in Origin or
    /// Sec-Fetch-Site; and a site whose name was made to lead here (DNS rebinding) stands in Host.
    /// </summary>
    private static (int, string, string)? FromElsewhere(HttpContext http)
    {
        var headers = http.Request.Headers;
        var own = $"http://{http.Request.Host}";
        var isHere = http.Request.Host.Host is "127.0.0.1" or "localhost" && http.Request.Host.Port == http.Connection.LocalPort;
        if (!isHere)
            return Problem(421, "this port is asked as 127.0.0.1 or localhost only");
        if (headers.Origin.Count > 0 && (headers.Origin.Count > 1 || headers.Origin[0] != own))
            return Problem(403, "requests of other sites' pages are not answered");
        return headers["Sec-Fetch-Site"].Any(s => s is not ("same-origin" or "none"))
            && !(HttpMethods.IsGet(http.Request.Method) && http.Request.Path == "/")
            ? Problem(403, "requests of other sites' pages are not answered")
            : null;
    }

    private static (int, string, string) Json(int status, JsonNode json) => (status, "application/json", json.ToJsonString());

    private static (int, string, string) Problem(int status, string message) =>
        (status, "application/json", JsonSerializer.Serialize(new JsonObject { ["message"] = message }));
}
