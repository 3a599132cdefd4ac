using System.Globalization;
using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

/// <summary>
/// How long the last of many guests that leave at once waits for its switch, by tests/benchmarks/burst: no longer than one alone and, for each of them,
/// one and a half times what a guest's netlink batch takes.
/// </summary>
[Trait("Needs", "benchmark")]
public sealed class BurstBenchmark
{
    private const int AtOnce = 200;
    private const int Alone = 20;
    private const int Rate = 1000;

    /// <summary>How much longer than its netlink batch each guest may make the last one wait.</summary>
    private const double Factor = 1.5;

    [Fact]
    public async Task The_last_of_200()
    {
        await using var rig = await BurstRig.StartAsync(AtOnce + Alone);
        var together = rig.All.Take(AtOnce).ToList();
        var alone = rig.All.Skip(AtOnce).ToList();
        List<TimeSpan> singles = [];
        TimeSpan batch, last;
        await using (rig.Send(Rate))
        {
            foreach (var guest in alone)
            {
                singles.Add(await rig.SuspendAsync([guest]));
            }

            await rig.TailsAsync(alone);
            batch = Median(await rig.AskAsync(_ => together.ConvertAll(Batch)));
            last = await rig.SuspendAsync(together);
            await rig.TailsAsync(together);
        }

        var turned = await rig.AskAsync(_ => together.ConvertAll(guest => guest.Guest!.MoveAway!.At(MoveStep.TrafficTurned)!.Value));
        await rig.CollectAsync();
        var each = Median(turned.Skip(1).Zip(turned, (later, earlier) => later - earlier));
        var limit = Median(singles) + AtOnce * Factor * batch;
        var (sent, lost, twice) = (rig.All.Sum(guest => guest.Sent), rig.All.Sum(guest => guest.Lost), rig.All.Sum(guest => guest.Duplicated));
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"traffic turned {Median(singles).TotalMilliseconds:F2} ms after libvirt's event for one guest, {last.TotalMilliseconds:F1} ms for the last of {AtOnce} at once (limit {limit.TotalMilliseconds:F1} ms: one and {AtOnce} times {Factor} netlink batches of {batch.TotalMilliseconds:F3} ms); each makes the next wait {each.TotalMilliseconds:F3} ms; of {sent} packets meanwhile {lost} lost, {twice} twice"));
        Assert.InRange(last, TimeSpan.Zero, limit);
        Assert.Equal(0, lost);
    }

    /// <summary>What a guest's netlink batch takes, the first time that it is sent.</summary>
    private static TimeSpan Batch(SimulatedGuest guest)
    {
        var began = Clock.Now;
        guest.Guest!.Departure!.Turn!.Carry();
        var took = Clock.Now - began;
        guest.Guest.Departure.TakeBack!.Carry();
        return took;
    }

    private static TimeSpan Median(IEnumerable<TimeSpan> times) => times.Order().ToList() is var sorted ? sorted[sorted.Count / 2] : default;
}
