using System.Globalization;
using Kagemusha.Control;
using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>Sends after a guest what its taps had taken and it had not got when it stopped, and what was on its way into them.</summary>
/// <param name="mainLoopRound">Waits until a domain's QEMU has read its taps once more.</param>
/// <param name="journal">Where it is written down.</param>
/// <param name="log">Where it is told.</param>
internal sealed class TailSender(Func<Guid, Task> mainLoopRound, MoveJournal journal, AgentLog log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    // What was on its way into the tap when the traffic was turned is there by then.
    private static readonly TimeSpan Latest = TimeSpan.FromMilliseconds(500);

    /// <summary>Begins to send, until all is sent or the guest is taken back.</summary>
    public async void SendAsync(Guest guest, Departure departure)
    {
        // Others may be to be turned at the same time.
        await Task.Yield();
        if (guest.Departure != departure || !departure.IsTurned)
        {
            return;
        }

        departure.Links.ForEach(link => link.Tail?.GuestStopped());
        var sent = new Sent();
        Send(guest, departure, sent);
        var round = departure.Links.Exists(link => link.Tail is { IsInDoubt: true }) ? mainLoopRound(guest.Uuid) : Task.CompletedTask;
        var latest = Task.Delay(Latest);
        while (!latest.IsCompleted || !round.IsCompleted)
        {
            var interval = Task.Delay(Interval);
            await (round.IsCompleted ? interval : Task.WhenAny(round, interval));
            if (guest.Departure != departure || !departure.IsTurned)
            {
                return;
            }

            if (round.IsCompletedSuccessfully)
            {
                departure.Links.ForEach(link => link.Tail?.ReaderPolled());
            }

            Send(guest, departure, sent);
        }

        if (round.Exception is { InnerException: var e })
        {
            log.Debug($"{guest.Name}: QEMU's main loop: {e?.Message}");
        }

        foreach (var _ in departure.Links.Where(link => link.Tail is { IsInDoubt: true }))
        {
            sent.IsExact = false;
            sent.Missing++;
        }

        Conclude(guest, sent);
    }

    private void Conclude(Guest guest, Sent sent)
    {
        if (guest.MoveAway is { } move)
        {
            move.Counters = move.Counters with { Tail = sent.IsExact ? sent.Count : null, TailAtMost = sent.IsExact ? null : sent.Missing };
            move.Add(MoveStep.TailSent, sent.IsExact ? null : string.Create(CultureInfo.InvariantCulture, $"tail unknown: at most {sent.Missing}"));
            journal.Save(move);
        }

        log.Decision(
            guest.Name,
            sent.IsExact
                ? string.Create(CultureInfo.InvariantCulture, $"{sent.Count} packets that its tap had taken and it had not were sent after it")
                : string.Create(CultureInfo.InvariantCulture, $"tail unknown: at most {sent.Missing} packets that its tap had taken are lost"),
            failed: !sent.IsExact);
    }

    private void Send(Guest guest, Departure departure, Sent sent)
    {
        foreach (var link in departure.Links.Where(link => link.Tail is not null))
        {
            var tail = link.Tail!.Take();
            sent.Count += Send(departure, link.Link, tail);
            sent.IsExact &= tail.IsExact;
            sent.Missing += tail.AtMost - tail.Frames.Count;
        }
    }

    private int Send(Departure departure, GuestLink link, Tail tail)
    {
        var sent = 0;
        var frames = tail.Frames.Where(frame => link.Registrations.Exists(registration => CapturedPacket.IsFor(frame.Span, registration.Address))).ToList();
        departure.Traffic!.TailFollows(frames.Count);
        foreach (var frame in frames)
        {
            try
            {
                departure.Injector!.Send(frame);
                sent++;
            }
            catch (KernelException e)
            {
                log.Debug($"the tail of a tap: {e.Message}");
            }
        }

        return sent;
    }

    private sealed class Sent
    {
        public int Count { get; set; }

        public bool IsExact { get; set; } = true;

        public long Missing { get; set; }
    }
}
