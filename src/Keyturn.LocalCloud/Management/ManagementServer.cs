using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.Management;

/// <summary>The management port: a page to look at, and what tests ask about.</summary>
/// <param name="sections">Tables of the page: a title, the columns, the rows.</param>
internal sealed class ManagementServer(
    CallCounter calls, Func<JsonArray> notifications, Func<IEnumerable<PageSection>> sections)
{
    public async Task HandleAsync(HttpContext http)
    {
        var (status, type, body) = (http.Request.Method, http.Request.Path.Value) switch
        {
            ("GET", "/") => (200, "text/html; charset=utf-8", Page()),
            ("GET", "/calls") => (200, "application/json", calls.Show().ToJsonString()),
            ("DELETE", "/calls") => Reset(),
            ("GET", "/notifications") => (200, "application/json", notifications().ToJsonString()),
            (_, "/" or "/calls" or "/notifications") => Problem(405, $"{http.Request.Method} is not offered at {http.Request.Path}"),
            _ => Problem(404, "offered here: GET /, GET /calls, DELETE /calls, GET /notifications"),
        };
        http.Response.StatusCode = status;
        if (body.Length == 0)
            return;
        http.Response.ContentType = type;
        var bytes = Encoding.UTF8.GetBytes(body);
        http.Response.ContentLength = bytes.Length;
        await http.Response.Body.WriteAsync(bytes, http.RequestAborted);
    }

    private (int, string, string) Reset()
    {
        calls.Reset();
        return (204, "", "");
    }

    private static (int, string, string) Problem(int status, string message) =>
        (status, "application/json", JsonSerializer.Serialize(new JsonObject { ["message"] = message }));

    private string Page()
    {
        var page = new StringBuilder("<!doctype html><meta charset=utf-8><title>LocalCloud</title>")
            .Append("<style>body{font:14px system-ui;margin:2em}table{border-collapse:collapse;margin-bottom:2em}")
            .Append("td,th{border:1px solid #ccc;padding:2px 8px;text-align:left;font:12px monospace}</style><h1>LocalCloud</h1>");
        foreach (var section in sections())
        {
            page.Append("<h2>").Append(Escape(section.Title)).Append("</h2><table><tr>");
            foreach (var column in section.Columns)
                page.Append("<th>").Append(Escape(column));
            foreach (var row in section.Rows)
            {
                page.Append("<tr>");
                foreach (var cell in row)
                    page.Append("<td>").Append(Escape(cell));
            }

            page.Append("</table>");
        }

        return page.ToString();
    }

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}

internal sealed record PageSection(string Title, IReadOnlyList<string> Columns, IEnumerable<IReadOnlyList<string>> Rows);
