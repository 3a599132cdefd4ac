using System.Globalization;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>
/// What one binding costs among 10,000 over 100 care-of addresses, and what the packets lose by them, by tests/benchmarks/home-agent: the published program in
/// namespaces of its own, simulated mobile nodes over real sockets. What is compared is done by turns, and the best of several tries counts: a machine that is busy
/// with other things would be compared with one that is not.
/// </summary>
[Trait("Needs", "benchmark")]
public sealed class ManyBindingsBenchmark
{
    private const int Many = 10_000;
    private const int Few = 100;
    private const int Rounds = 10;
    private const int Packets = 10_000;

    // As many as may wait for duplicate address detection at a time, and so many answers at once as a socket buffer takes easily.
    private const int Beginning = 1000;
    private const int Refreshing = 100;

    /// <summary>How much dearer a binding may be among many than among few.</summary>
    private const double MostCost = 1.5;

    /// <summary>How much of the packets of one binding must come through with many.</summary>
    private const double LeastPackets = 0.9;

    [Fact]
    public async Task Ten_thousand_bindings_over_a_hundred_care_of_addresses()
    {
        await using var small = await SimulatedSite.StartAsync();
        await using var large = await SimulatedSite.StartAsync();
        var memory = large.Memory;
        var registration = await large.RegisterAsync(0, Many, Beginning);
        var refresh = await large.RegisterAsync(0, Many, Refreshing);
        Say($"{Many} bindings over {Many / 100} care-of addresses: {registration.Rate:F0} registrations a second (after duplicate address detection, which takes a second, for at most {Beginning} at a time), {refresh.Rate:F0} refreshes a second");
        Say($"memory {large.Memory >> 20} MiB, {memory >> 20} MiB before");

        // The same hundred, alone and as the last of many; the first round is not like the others.
        var (beginFew, beginMany, refreshFew, refreshMany) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var round = 0; round <= Rounds; round++)
        {
            await small.EndAsync(Many - Few, Few);
            await large.EndAsync(Many - Few, Few);
            beginFew.Add((await small.RegisterAsync(Many - Few, Few, Beginning)).Cost);
            beginMany.Add((await large.RegisterAsync(Many - Few, Few, Beginning)).Cost);
            refreshFew.Add((await small.RegisterAsync(Many - Few, Few, Refreshing)).Cost);
            refreshMany.Add((await large.RegisterAsync(Many - Few, Few, Refreshing)).Cost);
        }

        var ratioOfBeginning = Compare("a registration", beginMany, beginFew);
        var ratioOfRefreshing = Compare("a refresh", refreshMany, refreshFew);
        Say($"refreshed once a minute, {Many} bindings take {Many * Best(refreshMany) / 600:F1} % of a processor");

        await small.EndAsync(Many - Few, Few);
        await small.RegisterAsync(0, 1, Beginning);
        var ratios = new List<double>();
        foreach (var fromHomeLink in new[] { false, true })
        {
            var (one, all) = (0.0, 0.0);
            for (var round = 0; round < Rounds; round++)
            {
                one = Math.Max(one, await small.SendAsync(fromHomeLink, Packets, 1));
                all = Math.Max(all, await large.SendAsync(fromHomeLink, Packets, Many));
            }

            ratios.Add(all / one);
            Say($"packets a second from {(fromHomeLink ? "the home link" : "outside")}, the sender's own time included: {all:F0}, with one binding {one:F0}: ratio {all / one:F2}");
        }

        Assert.InRange(ratioOfBeginning, 0, MostCost);
        Assert.InRange(ratioOfRefreshing, 0, MostCost);
        Assert.All(ratios, ratio => Assert.InRange(ratio, LeastPackets, double.MaxValue));
    }

    private static double Compare(string what, List<double> many, List<double> few)
    {
        var ratio = Best(many) / Best(few);
        Say($"processor time of {what}: {Best(many):F2} ms among {Many} bindings, {Best(few):F2} ms among {Few}: ratio {ratio:F2}");
        return ratio;
    }

    // Processor time is counted in clock ticks: the mean of the better half, which a busy machine has not lengthened.
    private static double Best(List<double> costs) => costs.Skip(1).Order().Take(Rounds / 2).Average();

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
