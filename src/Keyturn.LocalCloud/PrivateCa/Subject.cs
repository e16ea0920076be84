using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.LocalCloud.Api;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>The API's ASN1Subject as a distinguished name.</summary>
internal static class Subject
{
    /// <summary>Member, its object identifier, its longest value; in the order of the name.</summary>
    private static readonly (string Member, string Oid, int Longest)[] Attributes =
    [
        ("Country", "2.5.4.6", 2), ("Organization", "2.5.4.10", 64), ("OrganizationalUnit", "2.5.4.11", 64), ("DistinguishedNameQualifier", "2.5.4.46", 64),
        ("State", "2.5.4.8", 128), ("CommonName", "2.5.4.3", 64), ("SerialNumber", "2.5.4.5", 64), ("Locality", "2.5.4.7", 128), ("Title", "2.5.4.12", 64),
        ("Surname", "2.5.4.4", 40), ("GivenName", "2.5.4.42", 16), ("Initials", "2.5.4.43", 5), ("Pseudonym", "2.5.4.65", 128),
        ("GenerationQualifier", "2.5.4.44", 3),
    ];

    public static X500DistinguishedName Read(JsonObject subject)
    {
        var name = new X500DistinguishedNameBuilder();
        var custom = subject.Array("acm-pca", "CustomAttributes");
        if (custom is not null && subject.Count > 1)
            throw PcaErrors.InvalidArgs("CustomAttributes cannot be used together with standard attributes.");
        try
        {
            // The builder encodes the last one added first.
            foreach (var (member, oid, longest) in Attributes.Reverse())
            {
                if (subject.Text("acm-pca", member, new MemberRule(0, longest)) is not { Length: > 0 } value)
                    continue;
                if (member == "Country")
                    name.AddCountryOrRegion(value);
                else
                    name.Add(oid, value, oid is "2.5.4.5" or "2.5.4.46" ? System.Formats.Asn1.UniversalTagNumber.PrintableString : null);
            }

            foreach (var attribute in custom ?? [])
            {
                if (attribute is not JsonObject pair)
                    throw RequestBody.Malformed("acm-pca", "'CustomAttributes' is not a list of structures.");
                name.Add(
                    pair.Text("acm-pca", "ObjectIdentifier") ?? throw RequestMembers.Missing("ObjectIdentifier"),
                    pair.Text("acm-pca", "Value", new MemberRule(1, 256)) ?? throw RequestMembers.Missing("Value"));
            }

            return name.Build();
        }
        catch (Exception e) when (e is ArgumentException or CryptographicException or System.Text.EncoderFallbackException)
        {
            throw PcaErrors.InvalidArgs("The subject holds a value that its attribute can't have.");
        }
    }
}
