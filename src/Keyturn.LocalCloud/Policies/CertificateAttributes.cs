using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Keyturn.LocalCloud.Policies;

/// <summary>
/// <c>iot:Certificate.Subject.CommonName</c> and its like. An attribute that occurs more than once is read by number:
/// <c>Subject.OrganizationalUnit.1</c>; without a number the first is meant.
/// </summary>
internal static class CertificateAttributes
{
    private static readonly Dictionary<string, string> NameAttributes = new(StringComparer.OrdinalIgnoreCase)
    {
        ["CommonName"] = "2.5.4.3",
        ["Surname"] = "2.5.4.4",
        ["SerialNumber"] = "2.5.4.5",
        ["Country"] = "2.5.4.6",
        ["State"] = "2.5.4.8",
        ["Organization"] = "2.5.4.10",
        ["OrganizationalUnit"] = "2.5.4.11",
        ["Title"] = "2.5.4.12",
        ["GivenName"] = "2.5.4.42",
        ["Initials"] = "2.5.4.43",
        ["GenerationQualifier"] = "2.5.4.44",
        ["DistinguishedNameQualifier"] = "2.5.4.46",
        ["Pseudonym"] = "2.5.4.65",
    };

    private static readonly Dictionary<string, int> AlternativeNames = new(StringComparer.OrdinalIgnoreCase)
    {
        ["RFC822Name"] = 1,
        ["DNSName"] = 2,
        ["UniformResourceIdentifier"] = 6,
        ["IPAddress"] = 7,
        ["RegisteredID"] = 8,
    };

    public static IReadOnlyList<string>? Find(X509Certificate2 certificate, string path)
    {
        if (path.Equals("SerialNumber", StringComparison.OrdinalIgnoreCase))
            return [certificate.SerialNumber];
        var parts = path.Split('.');
        var index = 0;
        if (parts.Length is < 2 or > 3 || (parts.Length == 3 && !int.TryParse(parts[2], out index)))
            return null;
        try
        {
            var values = parts[0].ToUpperInvariant() switch
            {
                "SUBJECT" => OfName(certificate.SubjectName, parts[1]),
                "ISSUER" => OfName(certificate.IssuerName, parts[1]),
                "SUBJECTALTERNATIVENAME" => OfAlternatives(certificate, "2.5.29.17", parts[1]),
                "ISSUERALTERNATIVENAME" => OfAlternatives(certificate, "2.5.29.18", parts[1]),
                _ => [],
            };
            return values.ElementAtOrDefault(index) is { } value ? [value] : null;
        }
        // A certificate may say nonsense in its names; then it says nothing.
        catch (Exception e) when (e is CryptographicException or AsnContentException or InvalidOperationException)
        {
            return null;
        }
    }

    private static IEnumerable<string> OfName(X500DistinguishedName name, string attribute) =>
        NameAttributes.TryGetValue(attribute, out var oid)
            ? name.EnumerateRelativeDistinguishedNames(reversed: false)
                .Where(n => !n.HasMultipleElements && n.GetSingleElementType().Value == oid)
                .Select(n => n.GetSingleElementValue()).OfType<string>()
            : [];

    private static IEnumerable<string> OfAlternatives(X509Certificate2 certificate, string oid, string kind)
    {
        if (!AlternativeNames.TryGetValue(kind, out var wanted) || certificate.Extensions[oid] is not { } extension)
            yield break;
        var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
        while (names.HasData)
        {
            var tag = names.PeekTag();
            if (tag.TagClass != TagClass.ContextSpecific || tag.TagValue != wanted)
                names.ReadEncodedValue();
            else if (wanted == 7)
                yield return new IPAddress(names.ReadOctetString(tag)).ToString();
            else if (wanted == 8)
                yield return names.ReadObjectIdentifier(tag);
            else
                yield return names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
        }
    }
}
