using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Amazon.DynamoDBv2.Model;
using CsCheck;
using Keyturn.Backend.Aws;
using Keyturn.Backend.Ports;
using Keyturn.Backend.Tests.World;
using Item = System.Collections.Generic.Dictionary<string, Amazon.DynamoDBv2.Model.AttributeValue>;

namespace Keyturn.Backend.Tests;

/// <summary>
/// Whatever comes in, nothing crashes and nothing wrong is taken for right. CsCheck_Iter makes a run longer: docs/fuzzing.md has the
/// command and the counts.
/// </summary>
public sealed class FuzzTests
{
    private const string Thing = "pump1";

    /// <summary>Each test's own count would have the last word over the library's variable.</summary>
    private static readonly long Rounds =
        long.TryParse(Environment.GetEnvironmentVariable("CsCheck_Iter"), NumberStyles.None, CultureInfo.InvariantCulture, out var rounds) ? rounds : 2_000;

    /// <summary>JSON of every kind, deep and shallow, with what parsers stumble over.</summary>
    private static readonly Gen<string> Json = Gen.Recursive<string>((depth, inner) => depth > 3
        ? OneOfThese("null", "1", "\"\"")
        : Gen.OneOf(
            OneOfThese("null", "true", "false", "0", "-1", "1.5", "1e400", "123456789012345678901234567890", "\"\\ud800\"", "\"\\u0000\"", "\"" + "é€😀" + "\""),
            Gen.String[0, 80].Select(s => JsonSerializer.Serialize(s)),
            Gen.Long.Select(l => l.ToString(CultureInfo.InvariantCulture)),
            inner.Array[0, 3].Select(a => "[" + string.Join(',', a) + "]"),
            inner.Array[0, 3].Select(a => "{" + string.Join(',', a.Select((v, i) => $"\"{(i == 0 ? "Enabled" : "k" + i)}\":{v}")) + "}")));

    private static readonly string[] Fields =
        ["jobId", "csr", "executionNumber", "rotationId", "clientToken", "attest", "certificateId", "nonce", "component", "keyStore", "notAfter", "verify"];

    [Fact]
    public void A_request_of_any_shape_is_read_or_is_a_fault()
    {
        Gen.Select(OneOfThese(Fields), Json).Array[0, 8].Sample(
            fields =>
            {
                foreach (var (operation, parse) in Parsers)
                {
                    var json = "{" + string.Concat(fields.DistinctBy(f => f.Item1).Select(f => $"\"{f.Item1}\":{f.Item2},"))
                        + $"\"thingName\":\"{Thing}\",\"topic\":\"awslabs/things/{Thing}/certificate/{operation}\",\"clientId\":\"c\",\"principal\":\"p\"}}";
                    var (sender, payload, fault) = parse(Encoding.UTF8.GetBytes(json));
                    Assert.Equal((Thing, "c", "p"), (sender.Thing, sender.ClientId, sender.Principal));
                    Assert.True(payload is null != fault is null, json);
                    Assert.DoesNotContain('\n', sender.ClientToken ?? "");
                    Assert.True((sender.ClientToken ?? "").Length <= DeviceRequest.TokenCharacters);
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    [Fact]
    public void An_event_with_any_value_in_place_of_a_column_is_read_or_refused()
    {
        string[] columns = ["thingName", "topic", "clientId", "principal", "receivedAt"];
        Gen.Select(OneOfThese(columns), Json).Sample(
            (column, value) =>
            {
                var json = "{" + string.Join(',', columns.Select(c => $"\"{c}\":{(c == column ? value : c == "topic" ? $"\"awslabs/things/{Thing}/certificate/create\"" : c == "receivedAt" ? "1" : $"\"{Thing}\"")}")) + "}";
                try
                {
                    var request = DeviceRequest.ParseCreate(Encoding.UTF8.GetBytes(json));
                    Assert.Equal($"awslabs/things/{request.Sender.Thing}/certificate/create", request.Sender.Topic);
                }
                catch (FormatException)
                {
                    // Not from the rule.
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    [Fact]
    public void A_job_event_of_any_shape_is_read_or_refused()
    {
        string[] members = ["thingArn", "jobId", "status", "operation", "timestamp", "eventId", "statusDetails"];
        Gen.Select(OneOfThese(members), Json).Array[0, 3].Sample(
            wrong =>
            {
                Dictionary<string, string> json = new()
                {
                    ["thingArn"] = $"\"arn:aws:iot:us-east-1:012345678901:thing/{Thing}\"", ["jobId"] = "\"job\"", ["status"] = "\"FAILED\"", ["timestamp"] = "1",
                    ["statusDetails"] = "{\"CertificateRotator\":true,\"step\":\"s\",\"reason\":\"r\"}",
                };
                foreach (var (member, value) in wrong)
                {
                    json[member] = value;
                }

                try
                {
                    var read = JobEvent.Parse(Encoding.UTF8.GetBytes("{" + string.Join(',', json.Select(m => $"\"{m.Key}\":{m.Value}")) + "}"));
                    Assert.True(Identity.IsThingName(read.Thing) && Identity.IsJobId(read.JobId));
                }
                catch (FormatException)
                {
                    // No event of a job execution.
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    [Fact]
    public void No_cut_repeated_or_transposed_part_of_a_CSR_passes()
    {
        var der = Convert.FromBase64String(string.Concat(Cloud.Csr(0).Split('\n')[1..^1]));
        Gen.Select(Gen.Int[0, der.Length - 1], Gen.Int[1, 40], Gen.Int[0, der.Length - 1]).Sample(
            (from, length, to) =>
            {
                var part = der.AsSpan(from, Math.Min(length, der.Length - from)).ToArray();
                var rest = der.Take(from).Concat(der.Skip(from + part.Length)).ToList();
                var moved = rest.ToList();
                moved.InsertRange(Math.Min(to, rest.Count), part);
                List<byte> repeated = [.. der];
                repeated.InsertRange(to, part);
                foreach (var damaged in (List<byte>[])[rest, moved, repeated])
                {
                    if (!damaged.SequenceEqual(der))
                    {
                        Assert.Null(CsrPolicy.Default.Check(PemEncoding.WriteString("CERTIFICATE REQUEST", [.. damaged]), Thing, out var fault));
                        Assert.NotEmpty(fault);
                    }
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    [Fact]
    public void A_CSR_that_was_changed_and_signed_again_passes_only_with_its_key_as_it_was_and_a_subject_of_its_own()
    {
        using var rsa = RSA.Create(2048);
        using var ecdsa = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (CertificateRequest Csr, byte[] Key, Func<byte[], byte[]> Sign)[] signers =
        [
            (new CertificateRequest($"CN={Thing}", rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1), rsa.ExportSubjectPublicKeyInfo(),
                body => rsa.SignData(body, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
            (new CertificateRequest($"CN={Thing}", ecdsa, HashAlgorithmName.SHA256), ecdsa.ExportSubjectPublicKeyInfo(),
                body => ecdsa.SignData(body, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence)),
        ];
        var usual = signers.Select(s => DerNode.Read(s.Csr.CreateSigningRequest())).ToArray();
        var passed = 0;
        Gen.Select(Gen.Int[0, 1], Gen.Select(Gen.Int[0, 7], Gen.Int[0, 99], Gen.Int[0, 99], Gen.Byte).Array[0, 3], Gen.Int[-99, 99]).Sample(
            (which, changes, lengthened) =>
            {
                var csr = usual[which].Copy();
                var body = csr.Children![0];
                foreach (var (kind, at, other, value) in changes)
                {
                    body.Change(kind, at, other, value);
                }

                DerNode[] parts = [.. body.All];
                var signed = body.Write(lengthened < 0 ? null : parts[lengthened % parts.Length]);
                csr.Children[2].Content = [0, .. signers[which].Sign(signed)];
                // What was signed, between the header and the other two parts.
                byte[] all = [.. signed, .. csr.Children[1].Write(), .. csr.Children[2].Write()];
                byte[] der = [0x30, 0x82, (byte)(all.Length >> 8), (byte)all.Length, .. all];
                if (CsrPolicy.Default.Check(PemEncoding.WriteString("CERTIFICATE REQUEST", der), Thing, out var fault) is not { } taken)
                {
                    Assert.NotEmpty(fault);
                    return;
                }

                Interlocked.Increment(ref passed);
                Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(signers[which].Key)), taken.KeyHash);
                Assert.True(!taken.SubjectIsFree || taken.Subject.Name is "" or $"CN={Thing}" or "CN=AWS IoT Certificate", taken.Subject.Name);
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
        Assert.True(passed > Rounds / 100);
    }

    [Fact]
    public void A_PEM_text_of_any_shape_passes_only_if_it_is_the_one_block_of_a_good_CSR()
    {
        var good = Cloud.Csr(0);
        var parts = Gen.OneOf(
            OneOfThese(good, "-----BEGIN CERTIFICATE REQUEST-----", "-----END CERTIFICATE REQUEST-----", "\n", "\r\n", " ", "\t", "-----", "=", "\0", "\u00a0"),
            Gen.String[0, 20]);
        parts.Array[1, 5].Sample(
            texts =>
            {
                var pem = string.Concat(texts);
                if (CsrPolicy.Default.Check(pem, Thing, out _) is { } csr)
                {
                    Assert.Equal(good.Trim(), csr.Pem.Trim());
                    Assert.Single(texts, good);
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    [Fact]
    public void A_record_that_an_older_version_wrote_is_read_with_what_it_lacks_at_rest()
    {
        var item = Whole();
        foreach (var later in (string[])["unrecordedFrom", "loserKeptUntil", "nonce", "nonceUntil", "jobEndedAt", "jobEnd", "leaseUntil", "newCertificatePem", "sweep", "sweepAt", "expiresAt"])
        {
            item.Remove(later);
            Assert.NotNull(LedgerItems.Read(item, LedgerItems.ReadRotation));
        }

        var read = LedgerItems.Read(item, LedgerItems.ReadRotation);
        Assert.Equal((null, null, default, null), (read.Unrecorded, read.LoserKeptUntil, read.LeaseUntil, read.JobEndedAt));
    }

    [Fact]
    public void A_damaged_record_is_an_error_of_the_ledger_and_never_a_crash()
    {
        var value = Gen.OneOf(
            Gen.Const(new AttributeValue()), Gen.String[0, 20].Select(s => new AttributeValue { S = s }),
            OneOfThese("0", "-1", "1e30", "99999999999999999999", "x", "").Select(n => new AttributeValue { N = n }),
            Gen.Const(new AttributeValue { BOOL = true }), Gen.Const(new AttributeValue { L = [new AttributeValue { S = "x" }] }),
            Gen.Const(new AttributeValue { M = new() { ["state"] = new AttributeValue { S = "ISSUED" } } }));
        Gen.Select(Gen.Int[0, 30], value, Gen.Bool).Array[1, 3].Sample(
            damages =>
            {
                var item = Whole();
                foreach (var (at, wrong, remove) in damages)
                {
                    var name = item.Keys.ElementAt(at % item.Count);
                    if (remove)
                    {
                        item.Remove(name);
                    }
                    else
                    {
                        item[name] = wrong;
                    }
                }

                foreach (var read in (Func<Item, object>[])[LedgerItems.ReadRotation, LedgerItems.ReadRefusal, LedgerItems.ReadHeard])
                {
                    try
                    {
                        Assert.NotNull(LedgerItems.Read(item, read));
                    }
                    catch (DependencyException unreadable)
                    {
                        Assert.Equal("Unreadable", unreadable.Code);
                    }
                }
            },
            writeLine: TestContext.Current.TestOutputHelper!.WriteLine, iter: Rounds, threads: 2);
    }

    private static Gen<T> OneOfThese<T>(params T[] values) => Gen.OneOf([.. values.Select(Gen.Const)]);

    private static (string Operation, Func<ReadOnlyMemory<byte>, (Sender Sender, object? Payload, string? Fault)> Parse)[] Parsers { get; } =
    [
        ("create", json => DeviceRequest.ParseAttest(json) is var (sender, payload, fault)
            ? (sender, payload, fault)
            : DeviceRequest.ParseCreate(json) is var (s, p, f) ? (s, p, f) : default),
        ("commit", json => DeviceRequest.ParseCommit(json) is var (sender, payload, fault) ? (sender, payload, fault) : default),
    ];

    private static Item Whole()
    {
        var at = DateTimeOffset.UnixEpoch.AddYears(56);
        var item = LedgerItems.Write(new Rotation
        {
            Thing = Thing, RotationId = "r", JobId = "j", QueuedAt = 1, ExecutionNumber = 1, State = RotationState.Reconcile, KeyHash = "k",
            Old = new Certificate("o", "arn:o"), New = new Certificate("n", "arn:n"), NewPem = "pem", SpeaksTokens = true, LeaseUntil = at, JobEndedAt = 1, JobEnd = "e",
            Nonce = "n", NonceUntil = at, Unrecorded = new UnrecordedWindow(at, at), LoserKeptUntil = at,
            Trail = [new Transition(RotationState.Issuing, at, "o"), new Transition(RotationState.Reconcile, at, null)],
        });
        item["thing"] = LedgerItems.Text(Thing);
        item["item"] = LedgerItems.Text("rotation#r");
        return item;
    }
}
