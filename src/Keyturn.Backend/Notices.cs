using Keyturn.Backend.Ports;
using Microsoft.Extensions.Logging;

namespace Keyturn.Backend;

/// <summary>
/// One message for one matter. It is claimed, sent, marked: whoever dies before the mark lets the next one send it, so that none
/// is lost; only a death between sending and marking can send it twice.
/// </summary>
internal sealed class Notices(IRotationLedger ledger, INotifier notifier, TimeProvider clock, ILogger logger)
{
    /// <summary>Longer than a function may run, shorter than the wait before its event is tried again.</summary>
    private static readonly TimeSpan Claim = TimeSpan.FromSeconds(50);

    /// <summary>Telling takes a moment: whoever must see it done need not send its device away at once.</summary>
    private static readonly TimeSpan[] ClaimPauses = [TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)];

    /// <param name="isLastChance">Nobody comes back to this matter after the caller: whoever has claimed the message must have sent it.</param>
    /// <exception cref="DependencyException">It is claimed and not sent; the caller has to come again.</exception>
    public async Task SendOnceAsync(string noticeId, Notice notice, CancellationToken cancellation, bool isLastChance = false)
    {
        var claim = await Patience.WhileAsync(
            c => c == NoticeClaim.Held, () => ClaimAsync(noticeId, notice, cancellation), isLastChance ? ClaimPauses : [], clock, cancellation);
        if (claim == NoticeClaim.Held && isLastChance)
        {
            throw new DependencyException("ledger", "TryClaimNotice", "Conflict", "another invocation is telling the operators, or died of it");
        }

        if (claim != NoticeClaim.Granted)
        {
            return;
        }

        await notifier.NotifyAsync(notice, cancellation);
        logger.Notified(notice.Thing, notice.JobId, notice.RotationId, notice.Kind, notice.Code, notice.Reason);
        await ledger.MarkNoticeSentAsync(notice.Thing, noticeId, cancellation);
    }

    private Task<NoticeClaim> ClaimAsync(string noticeId, Notice notice, CancellationToken cancellation)
    {
        var now = clock.GetUtcNow();
        return ledger.TryClaimNoticeAsync(notice.Thing, noticeId, now, now + Claim, cancellation);
    }
}
