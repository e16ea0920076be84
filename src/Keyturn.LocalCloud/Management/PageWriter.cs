using System.Net;
using System.Text;

namespace Keyturn.LocalCloud.Management;

/// <summary>One table of the page.</summary>
internal sealed record PageSection(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows, string Empty);

/// <summary>Tables as HTML: no script, nothing loaded, light or dark as the browser is.</summary>
internal static class PageWriter
{
    private const string Style = """
        :root{color-scheme:light dark;--ink:#1c2330;--soft:#5b6577;--line:#dfe3ea;--back:#f6f7f9;--card:#fff;--good:#17734a;--bad:#b3261e;--busy:#8a5a00}
        @media(prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#98a2b3;--line:#2c3442;--back:#12161d;--card:#1a202a;--good:#5fd39a;--bad:#ff8a80;--busy:#f2c14e}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
        header,main{max-width:1280px;margin:0 auto;padding:0 24px}header{padding-top:28px}h1{font-size:22px;margin:0}header p{margin:4px 0 0;color:var(--soft)}
        nav{display:flex;flex-wrap:wrap;gap:6px 18px;margin:14px 0 4px}nav a{color:inherit;text-decoration:none;border-bottom:1px solid var(--line)}nav b{color:var(--soft);font-weight:500}
        section{background:var(--card);border:1px solid var(--line);border-radius:8px;margin:18px 0;overflow-x:auto}
        h2{font-size:15px;margin:0;padding:12px 16px}table{border-collapse:collapse;width:100%;font-size:13px}
        th{color:var(--soft);font-weight:500;text-align:left}th,td{padding:6px 16px;border-top:1px solid var(--line);vertical-align:top}
        td{font-family:ui-monospace,monospace;max-width:34em;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}td.n{text-align:right}
        .good{color:var(--good)}.bad{color:var(--bad)}.busy{color:var(--busy)}section p{margin:0;padding:0 16px 14px;color:var(--soft)}
        """;

    private static readonly Dictionary<string, string> Colours = new(StringComparer.Ordinal)
    {
        ["ACTIVE"] = "good", ["SUCCEEDED"] = "good", ["INACTIVE"] = "bad", ["REVOKED"] = "bad", ["FAILED"] = "bad", ["TIMED_OUT"] = "bad",
        ["REJECTED"] = "bad", ["QUEUED"] = "busy", ["IN_PROGRESS"] = "busy", ["connected"] = "good",
    };

    public static string Write(string about, IReadOnlyList<PageSection> sections)
    {
        var page = new StringBuilder("<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\"><title>LocalCloud</title>")
            .Append("<style>").Append(Style).Append("</style><header><h1>LocalCloud</h1><p>").Append(Escape(about)).Append("</p><nav>");
        foreach (var section in sections)
            page.Append("<a href=\"#").Append(Anchor(section)).Append("\">").Append(Escape(section.Title)).Append(" <b>").Append(section.Rows.Count).Append("</b></a>");
        page.Append("</nav></header><main>");
        foreach (var section in sections)
            Write(page, section);
        return page.Append("</main></html>").ToString();
    }

    private static void Write(StringBuilder page, PageSection section)
    {
        page.Append("<section id=\"").Append(Anchor(section)).Append("\"><h2>").Append(Escape(section.Title)).Append("</h2>");
        if (section.Rows.Count == 0)
        {
            page.Append("<p>").Append(Escape(section.Empty)).Append("</p></section>");
            return;
        }

        page.Append("<table><tr>");
        foreach (var column in section.Columns)
            page.Append("<th>").Append(Escape(column));
        foreach (var row in section.Rows)
        {
            page.Append("<tr>");
            foreach (var cell in row)
                Cell(page, cell);
        }

        page.Append("</table></section>");
    }

    private static void Cell(StringBuilder page, string text)
    {
        var style = Colours.GetValueOrDefault(text) ?? (text.Length > 0 && text.All(char.IsAsciiDigit) && text.Length < 12 ? "n" : null);
        page.Append("<td");
        if (style is not null)
            page.Append(" class=").Append(style);
        if (text.Length > 40)
            page.Append(" title=\"").Append(Escape(text)).Append('"');
        page.Append('>').Append(Escape(text));
    }

    private static string Anchor(PageSection section) => section.Title.ToLowerInvariant().Replace(' ', '-');

    private static string Escape(string text) => WebUtility.HtmlEncode(text);
}
