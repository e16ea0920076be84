using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// Finds the certificates that were made for a rotation's key by a function that died before it recorded them. Only rotations in which
/// that can have happened are searched for, and only in the minutes in which it can: a good rotation costs no call here.
/// </summary>
internal sealed class UnrecordedCertificates(IRegistry registry, IRotationLedger ledger, INotifier notifier, TimeProvider clock, ILogger logger)
{
    private readonly Notices _notices = new(ledger, notifier, clock, logger);

    /// <returns>How many were retired.</returns>
    public async Task<int> RetireAsync(IReadOnlyList<Rotation> suspects, DateTimeOffset until, CancellationToken cancellation)
    {
        if (suspects.Count == 0)
        {
            return 0;
        }

        var retired = 0;
        // AWS IoT gives times to the second.
        var first = suspects.Min(s => s.Unrecorded!.From) - TimeSpan.FromSeconds(1);
        var searchedTo = DateTimeOffset.MaxValue;
        string? cursor = null;
        do
        {
            var page = await registry.ListNewestAsync(cursor, cancellation);
            foreach (var created in page.Certificates)
            {
                if (created.CreatedAt < first || clock.GetUtcNow() >= until)
                {
                    break;
                }

                searchedTo = created.CreatedAt;
                if (suspects.Any(s => IsIn(s.Unrecorded!, created.CreatedAt)) && await RetireIfUnrecordedAsync(created, suspects, cancellation))
                {
                    retired++;
                }
            }

            cursor = page.Certificates is [.., var last] && last.CreatedAt < first ? null : page.Cursor;
        }
        while (cursor is not null && clock.GetUtcNow() < until);

        await RecordProgressAsync(suspects, cursor is null && clock.GetUtcNow() < until ? null : searchedTo, cancellation);
        return retired;
    }

    private static bool IsIn(UnrecordedWindow window, DateTimeOffset at) => at >= window.From - TimeSpan.FromSeconds(1) && at <= window.To;

    private async Task<bool> RetireIfUnrecordedAsync(CreatedCertificate created, IReadOnlyList<Rotation> suspects, CancellationToken cancellation)
    {
        var certificate = created.Certificate;
        if (suspects.Any(s => s.New?.Id == certificate.Id || s.Old.Id == certificate.Id)
            || await registry.FindCertificateAsync(certificate.Id, cancellation) is not { } found
            || KeyHashOf(found.Pem) is not { } keyHash
            || suspects.FirstOrDefault(s => s.KeyHash == keyHash) is not { } rotation)
        {
            return false;
        }

        // Ours is attached only after it was recorded.
        if (await registry.IsAttachedAsync(certificate, cancellation))
        {
            logger.NotRetired(rotation.Thing, rotation.JobId, rotation.RotationId, certificate.Id, "somebody attached it to a thing");
            await _notices.SendOnceAsync(NoticeIds.OrphanLeft(certificate.Id), Explanation.OfOrphanLeft(rotation, certificate.Id), cancellation);
            return false;
        }

        await registry.DeactivateAsync(certificate, cancellation);
        await registry.DeleteAsync(certificate, cancellation);
        logger.OrphanRetired(rotation.Thing, rotation.JobId, rotation.RotationId, certificate.Id, (clock.GetUtcNow() - created.CreatedAt).TotalSeconds);
        return true;
    }

    /// <param name="searchedTo">Null when all was searched; else the next sweep goes on from there to older ones.</param>
    private async Task RecordProgressAsync(IReadOnlyList<Rotation> suspects, DateTimeOffset? searchedTo, CancellationToken cancellation)
    {
        foreach (var suspect in suspects)
        {
            var window = suspect.Unrecorded!;
            var left = searchedTo is not { } to || to < window.From - TimeSpan.FromSeconds(1) ? null
                : to < window.To ? window with { To = to }
                : window;
            if (left != window)
            {
                // Somebody faster has changed the rotation: it comes up again.
                await ledger.TryUpdateAsync(suspect with { Unrecorded = left }, cancellation);
            }
        }
    }

    private static string? KeyHashOf(string pem)
    {
        try
        {
            using var certificate = X509Certificate2.CreateFromPem(pem);
            return Convert.ToHexStringLower(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }
}
