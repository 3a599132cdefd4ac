using System.Diagnostics;

namespace Kagemusha.Lab.Tests;

/// <summary>The guest notices nothing.</summary>
[Trait("Takes", "long")]
public sealed class TransparencyTests(Lab lab)
{
    // DELAY_FIRST_PROBE_TIME and three probes (RFC 4861, section 10); the home router takes what goes to its address meanwhile to the neighbour.
    private static readonly TimeSpan NeighbourPatience = TimeSpan.FromSeconds(60);

    [Fact]
    public void What_a_guest_knew_of_its_link_stays_true_away_and_is_at_home_again_as_before()
    {
        lab.VM.BeAt(lab.A);
        using var neighbour = new HomeNeighbour(lab);
        using var lifetimes = new ShortAdvertisements(lab, lab.VM);
        Meet();
        var atHome = InsideView.Of(lab.VM);
        Assert.Contains(HomeNeighbour.Mac, atHome.Neighbours[HomeNeighbour.Address], StringComparison.Ordinal);

        lab.VM.Move(lab.A, lab.B).Succeed();
        lab.B.WaitForBinding(lab.VM.Name, "registered");

        // The guest still has the neighbour's own link-layer address, and need not ask for it.
        Meet();
        var since = Stopwatch.GetTimestamp();
        Wait.Until("the advertised lifetimes have passed twice", 3 * ShortAdvertisements.Lifetime, () =>
            Stopwatch.GetElapsedTime(since) > 2 * ShortAdvertisements.Lifetime);

        // And asks for it anew.
        lab.VM.Shell($"ip -6 neigh flush dev eth0 to {HomeNeighbour.Address}");
        Meet();
        var away = InsideView.Of(lab.VM);
        Assert.Contains(HomeBox.Mac, away.Neighbours[HomeNeighbour.Address], StringComparison.Ordinal);
        atHome.AssertSame(away, HomeNeighbour.Address);

        lab.VM.Move(lab.B, lab.A).Succeed();
        lab.A.WaitForBinding(lab.VM.Name, "at home");
        Wait.Until("the guest has the neighbour's own link-layer address again", NeighbourPatience, () =>
        {
            Meet();
            return InsideView.Of(lab.VM).Neighbours[HomeNeighbour.Address].Has(HomeNeighbour.Mac);
        });
        atHome.AssertSame(InsideView.Of(lab.VM));

        void Meet()
        {
            Assert.Contains(" 0% packet loss", lab.VM.Shell($"ping -c 2 -W 2 {HomeNeighbour.Address}"), StringComparison.Ordinal);
            Assert.Contains(" 0% packet loss", neighbour.Run("ping", "-n", "-c", "2", "-W", "2", lab.VM.Address).Output, StringComparison.Ordinal);
        }
    }
}
