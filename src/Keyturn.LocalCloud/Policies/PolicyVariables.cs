using System.Globalization;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.Policies;

/// <summary>Values of <c>${…}</c> and of condition keys.</summary>
internal static partial class PolicyVariables
{
    private const string AttributesPrefix = "iot:Connection.Thing.Attributes[";
    private const string CertificatePrefix = "iot:Certificate.";

    public static bool IsWellFormed(string name) => NamePattern().IsMatch(name);

    /// <summary>Null when the variable has no value here. Names are compared without case, as IAM does.</summary>
    public static IReadOnlyList<string>? Resolve(string name, PolicyContext context)
    {
        if (name.StartsWith(AttributesPrefix, StringComparison.OrdinalIgnoreCase) && name.EndsWith(']'))
        {
            return context.Thing?.Attributes.TryGetValue(name[AttributesPrefix.Length..^1], out var value) == true ? [value] : null;
        }

        if (name.StartsWith(CertificatePrefix, StringComparison.OrdinalIgnoreCase))
            return context.Presented is { } presented ? CertificateAttributes.Find(presented, name[CertificatePrefix.Length..]) : null;

        return name.ToUpperInvariant() switch
        {
            "IOT:CLIENTID" => One(context.ClientId),
            "IOT:CERTIFICATEID" => One(context.Certificate.CertificateId),
            "IOT:LASTWILLTOPIC" => One(context.LastWillTopic),
            "IOT:CONNECTION.THING.THINGNAME" => One(context.Thing?.Name),
            "IOT:CONNECTION.THING.THINGTYPENAME" => One(context.Thing?.TypeName),
            "IOT:CONNECTION.THING.ISATTACHED" => context.ClientId is null ? null : [context.Thing is null ? "false" : "true"],
            "AWS:SOURCEIP" => One(context.SourceIp?.ToString()),
            "AWS:CURRENTTIME" => [context.Now.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture)],
            "AWS:EPOCHTIME" => [context.Now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)],
            "AWS:SECURETRANSPORT" => ["true"],
            _ => null,
        };
    }

    private static string[]? One(string? value) => value is null ? null : [value];

    [GeneratedRegex(@"\A[A-Za-z0-9-]+:[A-Za-z0-9._-]+(\[[A-Za-z0-9_.,@/:#-]+\])?\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();
}
