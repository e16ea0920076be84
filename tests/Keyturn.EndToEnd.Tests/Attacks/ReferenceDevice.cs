using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Keyturn.EndToEnd.Tests.Attacks;

/// <summary>
/// What the reference's component says, over real MQTT: its two topics, no clientToken, no rotationId, no verify, no attest, job updates that expect no
/// version. An answer is whatever comes on the topic. It is a client like the attackers', and no attacker.
/// </summary>
internal sealed class ReferenceDevice(AttackedThing thing) : IAsyncDisposable
{
    private RogueConnection? _connection;

    /// <summary>What it is connected with, as its nucleus is since it last started.</summary>
    public Credential InUse { get; private set; } = thing.Credential;

    /// <summary>What it would go back to.</summary>
    public Credential? Backup { get; private set; }

    /// <summary>Everything that the backend answered.</summary>
    public List<Answer> Answers { get; } = [];

    private string Certificates => $"awslabs/things/{thing.Name}/certificate/";

    public async Task StartAsync()
    {
        if (_connection is not null)
            await _connection.DisposeAsync();
        _connection = await thing.ConnectAsync(InUse);
        await _connection.ListenToJobsAsync(thing.Name);
    }

    public async Task<Answer> TakeAsync(string jobId)
    {
        await ReportAsync(jobId, "IN_PROGRESS");
        return await AskForCertificateAsync(jobId);
    }

    public async Task<Answer> AskForCertificateAsync(string jobId)
    {
        var key = Credential.NewKey();
        var answer = await SayAsync("create", new() { ["jobId"] = jobId, ["csr"] = thing.Csr(key) });
        if (answer.Accepted)
            (Backup, InUse) = (InUse, new Credential(key, answer.Certificate));
        return answer;
    }

    public Task<Answer> CommitAsync(string jobId) => SayAsync("commit", new() { ["jobId"] = jobId });

    /// <summary>As it does when the commit is refused or never answered: the backup, a restart, FAILED.</summary>
    public async Task GoBackAsync(string jobId)
    {
        InUse = Backup!;
        await StartAsync();
        await ReportAsync(jobId, "FAILED");
    }

    public async Task ReportAsync(string jobId, string status)
    {
        var topic = $"$aws/things/{thing.Name}/jobs/{jobId}/update";
        await _connection!.SendAsync(topic, new() { ["status"] = status, ["statusDetails"] = new JsonObject { ["CertificateRotator"] = "true" } });
        Assert.True(_connection.HeardWithoutToken(topic).Accepted, $"{jobId} could not be reported as {status}");
    }

    public ValueTask DisposeAsync() => _connection?.DisposeAsync() ?? ValueTask.CompletedTask;

    private async Task<Answer> SayAsync(string operation, JsonObject message)
    {
        await _connection!.SendAsync(Certificates + operation, message);
        var answer = _connection.HeardWithoutToken(Certificates + operation);
        Answers.Add(answer);
        return answer;
    }
}
