using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Keyturn.Backend.Tests.World;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>The rows of docs/protocol.md, "Who may try what", about who speaks and what for a certificate is asked.</summary>
[Collection(SharedAttackedCloud.Name)]
public sealed class WhoMayAsk(AttackedCloud cloud)
{
    [Fact]
    public async Task A_rogue_thing_gets_nothing_on_another_s_topics_whatever_it_calls_itself()
    {
        var (victim, rogue) = (await cloud.AddThingAsync(), await cloud.AddThingAsync());
        await using (var owner = await victim.ConnectAsync())
        {
            await victim.BeginAsync(owner, $"job-{victim.Name}");
        }

        using var key = Credential.NewKey();
        foreach (var clientId in (string[])[rogue.Name, victim.Name, $"{victim.Name}#2", $"{victim.Name}#preflight"])
        {
            await using var intruder = await RogueConnection.OpenAsync(cloud, rogue.Credential, clientId);
            await intruder.ListenAsync(victim.Name);
            Answer[] answers =
            [
                await intruder.CreateAsync(victim.Name, $"job-{victim.Name}", victim.Csr(key)),
                await intruder.AttestAsync(victim.Name, rogue.Credential.Id),
                await intruder.AttestAsync(victim.Name, victim.Credential.Id),
                await intruder.CommitAsync(victim.Name, $"job-{victim.Name}"),
            ];
            Assert.All(answers, a => Assert.False(a.Accepted));
            Assert.Subset(new HashSet<string?> { "WRONG_PRINCIPAL", "WRONG_CLIENT_ID", "UNKNOWN_ROTATION" }, answers.Select(a => a.Code).ToHashSet());
        }

        Assert.Equal([victim.Credential.Id], await victim.CertificatesAsync());
        Assert.Equal([rogue.Credential.Id], await rogue.CertificatesAsync());
    }

    [Fact]
    public async Task Nobody_poses_as_a_thing_whose_name_begins_alike()
    {
        var victim = await cloud.AddThingAsync();
        var name = victim.Name;
        using var key = Credential.NewKey();
        await using (var owner = await victim.ConnectAsync())
        {
            await victim.BeginAsync(owner, $"job-{name}");
        }

        foreach (var clientId in (string[])[name + "0", name + "x", name[..^1], name + "#", name + "#x", name + "#1x", name + "##1", name + "#1234567890", name.ToUpperInvariant(), name + "#preflight"])
        {
            await using var posing = await victim.ConnectAsync(clientId: clientId);
            Assert.Equal("WRONG_CLIENT_ID", (await posing.CreateAsync(name, $"job-{name}", victim.Csr(key))).Code);
            Assert.Equal("WRONG_CLIENT_ID", (await posing.AttestAsync(name, victim.Credential.Id)).Code);
        }

        await using var second = await victim.ConnectAsync(clientId: name + "#2");
        Assert.True((await second.CreateAsync(name, $"job-{name}", victim.Csr(key))).Accepted);
    }

    [Fact]
    public async Task A_payload_can_t_say_who_sent_it()
    {
        var (victim, rogue) = (await cloud.AddThingAsync(), await cloud.AddThingAsync());
        using var key = Credential.NewKey();
        await using (var owner = await victim.ConnectAsync())
        {
            await victim.BeginAsync(owner, $"job-{victim.Name}");
        }

        // Each lacks one thing that the payload claims: both, the certificate alone, the client id alone.
        foreach (var (credential, clientId) in ((Credential, string)[])[(rogue.Credential, rogue.Name), (rogue.Credential, victim.Name + "#2"), (victim.Credential, "elsewhere")])
        {
            await using var intruder = await RogueConnection.OpenAsync(cloud, credential, clientId);
            await intruder.ListenAsync(victim.Name);
            await intruder.ListenAsync(rogue.Name);
            foreach (var through in (AttackedThing[])[victim, rogue])
            {
                var answer = await intruder.AskAsync(through.Name, "create", new JsonObject
                {
                    ["jobId"] = $"job-{victim.Name}", ["csr"] = victim.Csr(key), ["principal"] = victim.Credential.Id, ["clientId"] = victim.Name,
                    ["thingName"] = victim.Name, ["topic"] = $"awslabs/things/{victim.Name}/certificate/create",
                });
                Assert.False(answer.Accepted);
            }
        }

        Assert.Equal([victim.Credential.Id], await victim.CertificatesAsync());
    }

    [Fact]
    public async Task A_principal_that_is_no_whole_certificate_id_is_refused_and_so_is_a_message_over_HTTPS()
    {
        var victim = await cloud.AddThingAsync();
        using var key = Credential.NewKey();
        await using var owner = await victim.ConnectAsync();
        await victim.BeginAsync(owner, $"job-{victim.Name}");
        var id = victim.Credential.Id;
        foreach (var principal in (string[])["", id[..63], id + "0", id.ToUpperInvariant(), $"cert/{id}", victim.Credential.Arn, "AROAEXAMPLE:session", "us-east-1:6f64...", "*", "%", new string('0', 64)])
        {
            var answer = await cloud.Functions.InvokeAsync("AWSLabsCertificateRotatorCreateCertificate", new
            {
                jobId = $"job-{victim.Name}", csr = victim.Csr(key), clientToken = "t", thingName = victim.Name,
                topic = $"awslabs/things/{victim.Name}/certificate/create", clientId = victim.Name, principal,
            });
            Assert.Equal("null", answer);
        }

        // Signed by an operator's access key, there is neither client id nor certificate.
        await cloud.Data.PublishAsync(
            $"awslabs/things/{victim.Name}/certificate/create",
            System.Text.Encoding.UTF8.GetBytes(new JsonObject { ["jobId"] = $"job-{victim.Name}", ["csr"] = victim.Csr(key), ["clientToken"] = "t" }.ToJsonString()),
            TestContext.Current.CancellationToken);

        Assert.True((await owner.AttestAsync(victim.Name, id)).Accepted);
        Assert.Equal([id], await victim.CertificatesAsync());
    }

    [Fact]
    public async Task No_CSR_asks_for_more_than_the_thing_s_name_or_with_a_key_that_is_weak()
    {
        var victim = await cloud.AddThingAsync();
        await using var owner = await victim.ConnectAsync();
        await victim.BeginAsync(owner, $"job-{victim.Name}");
        using var key = Credential.NewKey();
        using var curve = ECDsa.Create(ECCurve.CreateFromFriendlyName("secp256k1"));
        using var small = RSA.Create(1024);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("pump10");
        // AWS IoT would refuse some of these as well: the reason tells that they never got as far.
        (string Csr, string Because)[] csrs =
        [
            (new CertificateRequest("CN=pump10", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(), "its subject is not"),
            (new CertificateRequest($"CN={victim.Name}, O=Pumps", key, HashAlgorithmName.SHA256).CreateSigningRequestPem(), "its subject is not"),
            (With(key, names.Build()), "it requests extensions"), (With(key, new X509BasicConstraintsExtension(true, false, 0, true)), "it requests extensions"),
            (new CertificateRequest($"CN={victim.Name}", curve, HashAlgorithmName.SHA256).CreateSigningRequestPem(), "its curve is none of"),
            (new CertificateRequest($"CN={victim.Name}", small, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1).CreateSigningRequestPem(), "an RSA key of 1024 bits is none of"),
            (WeakCsrs.CloseFactors, "the factors of its RSA modulus"), (WeakCsrs.Roca, "ROCA"), (WeakCsrs.SmallFactor, "small factor"), (WeakCsrs.SmallExponent, "its RSA exponent"),
            (WeakCsrs.DebianRsa, "CVE-2008-0166"), (WeakCsrs.DebianEcdsa, "CVE-2008-0166"),
            (victim.Csr(key).Replace("CERTIFICATE REQUEST", "CERTIFICATE", StringComparison.Ordinal), "one PEM block"), (victim.Csr(key) + victim.Csr(key), "one PEM block"),
            ("", "one PEM block"), ("no csr", "one PEM block"),
        ];
        foreach (var (csr, because) in csrs)
        {
            var answer = await owner.CreateAsync(victim.Name, $"job-{victim.Name}", csr);
            Assert.Equal("CSR_REFUSED", answer.Code);
            Assert.Contains(because, answer.Message["errorMsg"]!.GetValue<string>(), StringComparison.Ordinal);
        }

        Assert.Equal("MALFORMED_REQUEST", (await owner.CreateAsync(victim.Name, $"job-{victim.Name}", new string('x', 5000))).Code);
        Assert.Equal([victim.Credential.Id], await victim.CertificatesAsync());

        string With(ECDsa of, X509Extension extension)
        {
            var request = new CertificateRequest($"CN={victim.Name}", of, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(extension);
            return request.CreateSigningRequestPem();
        }
    }

    [Fact]
    public async Task A_key_is_certified_once_whichever_thing_asks_again()
    {
        var (first, other) = (await cloud.AddThingAsync(), await cloud.AddThingAsync());
        using var key = Credential.NewKey();
        await using var device = await first.ConnectAsync();
        await first.BeginAsync(device, $"job-{first.Name}");
        Assert.True((await device.CreateAsync(first.Name, $"job-{first.Name}", first.Csr(key))).Accepted);
        await device.UpdateJobAsync(first.Name, $"job-{first.Name}", "FAILED");

        await first.BeginAsync(device, $"again-{first.Name}");
        // As long as the end of the first job is being dealt with, the answer is to wait.
        var answer = await device.CreateAsync(first.Name, $"again-{first.Name}", first.Csr(key));
        for (var i = 0; i < 20 && answer.Code == "ROTATION_OPEN"; i++)
            answer = await device.CreateAsync(first.Name, $"again-{first.Name}", first.Csr(key));
        Assert.Equal("KEY_REUSED", answer.Code);
        await using var another = await other.ConnectAsync();
        await other.BeginAsync(another, $"job-{other.Name}");
        Assert.Equal("KEY_REUSED", (await another.CreateAsync(other.Name, $"job-{other.Name}", other.Csr(key))).Code);
        Assert.Equal([other.Credential.Id], await other.CertificatesAsync());
    }
}
