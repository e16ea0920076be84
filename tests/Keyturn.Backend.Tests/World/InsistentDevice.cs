using Keyturn.Backend.Ports;
using Keyturn.Contracts;

namespace Keyturn.Backend.Tests.World;

/// <summary>A device that asks again until it is answered, over functions that fail, and whose requests arrive twice, late.</summary>
/// <param name="sendsTokens">The reference's does not, nor does it attest.</param>
/// <param name="namesExecution">Older ones of ours do not.</param>
internal sealed class InsistentDevice(Cloud cloud, Invocations functions, Random random, bool sendsTokens, bool namesExecution)
{
    public string CertificateInUse { get; private set; } = cloud.Old.Certificate.Id;

    public bool SendsTokens => sendsTokens;

    /// <param name="csr">Another than the key's.</param>
    /// <returns>True when it has a certificate.</returns>
    public async Task<bool> AskAsync(JobExecution execution, int key, string? csr = null)
    {
        for (var attempt = 0; attempt < 8; attempt++)
        {
            Outcome? answer = null;
            var (principal, receivedAt) = (CertificateInUse, cloud.Clock.GetUtcNow());
            async Task CreateAsync()
            {
                var outcome = await cloud.CreateAsync(
                    key, principal, token: Token("create"), jobId: execution.JobId, csr: csr,
                    number: sendsTokens && namesExecution ? execution.ExecutionNumber : null, receivedAt: receivedAt);
                answer = outcome.Kind == OutcomeKind.Silent ? answer : outcome;
            }

            var request = $"create of {execution.JobId}/{execution.ExecutionNumber} over {principal[..4]}";
            if (random.Chance(0.3))
            {
                functions.Deliver(random.UpTo(300), $"copy of {request}", CreateAsync);
            }

            await functions.InvokeAsync(request, CreateAsync);
            await functions.WaitAsync(sendsTokens ? random.UpTo(30) : TimeSpan.FromSeconds(200));
            functions.Tell($"  {answer?.Kind} {answer?.Code}");
            if (answer?.Kind == OutcomeKind.Accepted)
            {
                return true;
            }

            if (answer is not null && answer.Code is not (RefusalCode.TryAgain or RefusalCode.RotationOpen))
            {
                return false;
            }
        }

        return false;
    }

    /// <returns>True when it was accepted.</returns>
    public async Task<bool> CommitAsync(Rotation rotation)
    {
        var outcome = Outcome.Silent;
        for (var attempt = 0; attempt < 6 && outcome != Outcome.Accepted; attempt++)
        {
            functions.Tell($"commit over {rotation.New!.Id[..4]}");
            await functions.TryAsync("commit", async () => outcome = await cloud.CommitAsync(
                rotation.New.Id, token: Token("commit"), jobId: rotation.JobId, rotationId: sendsTokens ? rotation.RotationId : null));
            await functions.WaitAsync(TimeSpan.FromSeconds(10));
        }

        CertificateInUse = outcome == Outcome.Accepted ? rotation.New!.Id : CertificateInUse;
        return outcome == Outcome.Accepted;
    }

    public async Task AttestAsync()
    {
        var isHeard = !sendsTokens;
        for (var attempt = 0; attempt < 5 && !isHeard; attempt++)
        {
            var certificate = cloud.Registry.Certificates[CertificateInUse].Certificate;
            functions.Tell($"attest by {certificate.Id[..4]}");
            await functions.TryAsync("attest", async () =>
            {
                var (outcome, nonce) = await cloud.AttestAsync(certificate);
                (outcome, nonce) = nonce is null ? (outcome, null) : await cloud.AttestAsync(certificate, nonce);
                isHeard = outcome == Outcome.Accepted && nonce is null;
            });
            await functions.WaitAsync(isHeard ? default : TimeSpan.FromMinutes(1));
        }
    }

    private string? Token(string token) => sendsTokens ? token : null;
}
