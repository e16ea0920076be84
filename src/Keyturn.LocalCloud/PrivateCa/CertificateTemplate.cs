using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Keyturn.LocalCloud.PrivateCa;

/// <summary>
/// What a template of AWS Private CA puts into a certificate, and what it takes from the API call and from the CSR.
/// https://docs.aws.amazon.com/privateca/latest/userguide/template-definitions.html
/// </summary>
/// <param name="PathLength">Null for end entities, -1 for an authority without a limit.</param>
/// <param name="Usages">Extended key usages that the template defines; null leaves them to the passthrough.</param>
internal sealed partial record CertificateTemplate(
    string Name, bool IsAuthority, int? PathLength, X509KeyUsageFlags? KeyUsage, IReadOnlyList<string>? Usages, bool CriticalConstraints, bool FromApi, bool FromCsr)
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private const X509KeyUsageFlags EndEntity = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment;
    private const X509KeyUsageFlags Authority = X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;

    /// <summary>Written by the template itself, or by whoever signs.</summary>
    private static readonly string[] NeverFromCsr = ["2.5.29.35", "2.5.29.14", "2.5.29.19", SubjectAlternativeName, "2.5.29.31", "1.3.6.1.5.5.7.1.1"];

    public bool IsRoot => Name.Contains("RootCA", StringComparison.Ordinal);

    public static CertificateTemplate Find(string? arn)
    {
        var match = TemplateArn().Match(arn ?? "arn:aws:acm-pca:::template/EndEntityCertificate/V1");
        if (!match.Success)
            throw PcaErrors.InvalidArn(arn!);
        var name = match.Groups["kind"].Value;
        var path = match.Groups["path"].Success ? int.Parse(match.Groups["path"].Value, null) : (int?)null;
        var from = match.Groups["from"].Value;
        var (fromApi, fromCsr) = (from.StartsWith("API", StringComparison.Ordinal), from.Contains("CSR", StringComparison.Ordinal));
        var critical = match.Groups["critical"].Success;
        // A blank template is only what is passed through; the others never depend on its being there.
        var blank = name.StartsWith("Blank", StringComparison.Ordinal);
        var fits = name switch
        {
            "SubordinateCACertificate" or "BlankSubordinateCACertificate" => path is not null && !critical && (!blank || from.Length > 0),
            "BlankEndEntityCertificate" => path is null && from.Length > 0,
            "BlankRootCACertificate" => !critical && from == "APIPassthrough",
            "RootCACertificate" => path is null && !critical && from is "" or "APIPassthrough",
            _ => path is null && !critical,
        };
        if (!fits)
            throw PcaErrors.InvalidArn(arn!);
        return name switch
        {
            "RootCACertificate" => new(name, true, -1, Authority, null, true, fromApi, fromCsr),
            "SubordinateCACertificate" => new(name, true, path, Authority, null, true, fromApi, fromCsr),
            "BlankRootCACertificate" => new(name, true, path ?? -1, null, null, true, fromApi, fromCsr),
            "BlankSubordinateCACertificate" => new(name, true, path, null, null, true, fromApi, fromCsr),
            "BlankEndEntityCertificate" => new(name, false, null, null, null, critical, fromApi, fromCsr),
            "EndEntityClientAuthCertificate" => new(name, false, null, EndEntity, [ClientAuth], false, fromApi, fromCsr),
            "EndEntityServerAuthCertificate" => new(name, false, null, EndEntity, [ServerAuth], false, fromApi, fromCsr),
            "CodeSigningCertificate" => new(name, false, null, X509KeyUsageFlags.DigitalSignature, ["1.3.6.1.5.5.7.3.3"], false, fromApi, fromCsr),
            "OCSPSigningCertificate" => new(name, false, null, X509KeyUsageFlags.DigitalSignature, ["1.3.6.1.5.5.7.3.9"], false, fromApi, fromCsr),
            _ => new(name, false, null, EndEntity, [ServerAuth, ClientAuth], false, fromApi, fromCsr),
        };
    }

    /// <summary>The subject: the call's where the template lets it through, else the CSR's.</summary>
    public X500DistinguishedName SubjectOf(JsonObject? passthrough, X500DistinguishedName requested) =>
        FromApi && passthrough?["Subject"] is JsonObject { Count: > 0 } given ? Subject.Read(given) : requested;

    /// <summary>Adds the extensions. What the template defines wins over the call, and the call over the CSR.</summary>
    public void Fill(CertificateRequest request, PublicKey issuer, JsonObject? passthrough, IReadOnlyCollection<X509Extension>? requested)
    {
        var added = request.CertificateExtensions;
        added.Add(new X509BasicConstraintsExtension(IsAuthority, PathLength >= 0, Math.Max(PathLength ?? 0, 0), IsAuthority || CriticalConstraints));
        added.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        added.Add(X509AuthorityKeyIdentifierExtension.CreateFromSubjectKeyIdentifier(new X509SubjectKeyIdentifierExtension(issuer, critical: false)));
        if (KeyUsage is { } usage)
            added.Add(new X509KeyUsageExtension(usage, critical: true));
        if (Usages is { } usages)
            added.Add(new X509EnhancedKeyUsageExtension([.. usages.Select(u => new Oid(u))], critical: false));
        if (FromApi && passthrough?["Extensions"] is JsonObject extensions)
        {
            foreach (var extension in PassedExtensions.Read(extensions))
                AddOnce(extension);
        }

        foreach (var extension in requested ?? [])
        {
            // Alternative names come from the CSR of an end entity whatever the template; the rest only if it says so.
            var oid = extension.Oid!.Value!;
            if (oid == SubjectAlternativeName ? !IsAuthority && (FromCsr || !Name.StartsWith("Blank", StringComparison.Ordinal)) : FromCsr && !NeverFromCsr.Contains(oid))
                AddOnce(extension);
        }

        void AddOnce(X509Extension extension)
        {
            if (added.All(e => e.Oid!.Value != extension.Oid!.Value))
                added.Add(extension);
        }
    }

    private const string ServerAuth = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuth = "1.3.6.1.5.5.7.3.2";

    [GeneratedRegex(
        @"\Aarn:aws:acm-pca:::template/(?<kind>EndEntityCertificate|EndEntityClientAuthCertificate|EndEntityServerAuthCertificate|CodeSigningCertificate|OCSPSigningCertificate|RootCACertificate|SubordinateCACertificate|BlankEndEntityCertificate|BlankRootCACertificate|BlankSubordinateCACertificate)(?<critical>_CriticalBasicConstraints)?(_PathLen(?<path>[0-3]))?(_(?<from>APIPassthrough|CSRPassthrough|APICSRPassthrough))?/V1\z",
        RegexOptions.ExplicitCapture)]
    private static partial Regex TemplateArn();
}
