using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class GuestHandOverTests : IDisposable
{
    private readonly Guest _guest = new(PeerRig.Uuid, "vm", [PeerRig.Link()]) { Presence = Presence.Running };

    /// <summary>The metadata, older than what the source's agent knows.</summary>
    private MobilityProfile Profile => new([_guest.Links[0].Enrolled]);

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void It_is_newer_than_the_metadata()
    {
        var (profile, snapshots, links) = GuestHandOver.Read(GuestHandOver.Of(_guest, _ => TimeSpan.FromMilliseconds(8)), Profile);
        Assert.Equal(new(PeerRig.HomeAddress, 320, BindingPossible: true), Assert.Single(Assert.Single(profile.Interfaces).Addresses));
        var snapshot = snapshots[PeerRig.HomeAddress];
        Assert.Equal(320, snapshot.ReservedThrough);
        Assert.Equal(PeerRig.CareOfAddress, snapshot.CareOfAddress);
        Assert.InRange(snapshot.BindingRemaining.TotalSeconds, 300, 400);
        Assert.Equal(new(CareOfAddress: null, TimeSpan.FromMilliseconds(8)), links[_guest.Links[0].Enrolled.Mac]);
    }

    /// <summary>What the metadata has, what the source's agent has besides 2001:db8:1::42, and with what the guest comes.</summary>
    public static TheoryData<string[], string[], string[]> Learnt => new()
    {
        { [], ["2001:db8:1::50", "2001:db8:1::51"], ["2001:db8:1::50", "2001:db8:1::51"] },
        { ["2001:db8:1::50"], ["2001:db8:1::51"], ["2001:db8:1::51"] },
        { ["2001:db8:1::50"], ["2001:db8:1::51", "2001:db8:1::50"], ["2001:db8:1::50", "2001:db8:1::51"] },
        { [], ["2001:db8:1::50", "2001:db8:1::50"], ["2001:db8:1::50"] },
        { [], Numbered(25), Numbered(HomeAddressLearner.MaxLearnt) },
        { Numbered(10), Numbered(25), Numbered(HomeAddressLearner.MaxLearnt) },
    };

    [Theory]
    [MemberData(nameof(Learnt), DisableDiscoveryEnumeration = true)]
    public void Addresses_that_were_learnt_are_the_source_s(string[] metadata, string[] source, string[] expected)
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.Zero).Interfaces[0];
        var enrolled = Profile.Interfaces[0];
        enrolled = enrolled with
        {
            Addresses = [.. enrolled.Addresses, .. metadata.Select(address => new EnrolledAddress(Ipv6Address.Parse(address), 64, false, HomeAddressOrigin.Learnt))],
        };
        handed = handed with
        {
            Addresses = [.. handed.Addresses, .. source.Select(address => new HandedAddress(Ipv6Address.Parse(address), 128, null, 0, 9, handed.HomeAgents[0], null, []))],
        };

        var (profile, snapshots, _) = GuestHandOver.Read(new([handed]), new([enrolled]));

        var addresses = Assert.Single(profile.Interfaces).Addresses;
        Assert.Equal(new(PeerRig.HomeAddress, 320, BindingPossible: true), addresses[0]);
        Assert.Equal(
            expected.Select(address => new EnrolledAddress(Ipv6Address.Parse(address), 128, BindingPossible: true, HomeAddressOrigin.Learnt)),
            addresses.Skip(1));
        Assert.Equal(addresses.Select(address => address.Address).Order(), snapshots.Keys.Order());
    }

    [Theory]
    [InlineData("2001:db8:2::50")]
    [InlineData("fe80::50")]
    [InlineData("::")]
    public void An_address_in_no_home_prefix_is_refused(string address)
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.Zero).Interfaces[0];
        Refused(
            new([handed with { Addresses = [.. handed.Addresses, new(Ipv6Address.Parse(address), 0, null, 0, 0, handed.HomeAgents[0], null, [])] }]), $"that is in no home prefix: {address}");
    }

    private static string[] Numbered(int count) =>
        [.. Enumerable.Range(0, count).Select(number => new Ipv6Address(Ipv6Address.Parse("2001:db8:1::100").Bits + (UInt128)number).ToString())];

    [Fact]
    public void The_home_link_is_as_the_source_knows_it()
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.FromMilliseconds(8)).Interfaces[0] with { Mtu = 1400, RouterAdvertisement = [134, 0, 1, 2, 3] };
        var link = GuestHandOver.Read(new([handed]), Profile).Profile.Interfaces[0].Link;
        Assert.Equal(Profile.Interfaces[0].Link with { Mtu = 1400, RouterAdvertisement = [134, 0, 1, 2, 3] }, link);
    }

    [Fact]
    public void The_home_agents_and_what_they_may_hold_are_handed_over()
    {
        Ipv6Address second = Ipv6Address.Parse("2001:db8:1::3"), third = Ipv6Address.Parse("2001:db8:1::4");
        var link = _guest.Links[0];
        link.Enrolled = link.Enrolled.WithHomeAgents([second, link.Enrolled.HomeAgent]) with { HomeAgentOrigin = HomeAgentOrigin.Found };
        var snapshot = link.Registrations[0].Node.TakeSnapshot(Clock.Now) with
        {
            MayRemainElsewhere = [new(third, TimeSpan.FromSeconds(30))],
            HomeAddressRemaining = TimeSpan.FromDays(1),
        };
        link.Registrations[0] = Registration.Create(Guests.Configuration, link.Enrolled, new(PeerRig.HomeAddress, 64, BindingPossible: true), snapshot);

        var (profile, snapshots, _) = GuestHandOver.Read(GuestHandOver.Of(_guest, _ => TimeSpan.Zero), new([PeerRig.Link().Enrolled]));

        Assert.Equal(link.Enrolled.HomeAgents, profile.Interfaces[0].HomeAgents);
        Assert.Equal(PeerRig.Link().Enrolled.HomeAgent, profile.Interfaces[0].Addresses[0].HomeAgent);
        Assert.Equal(PeerRig.Link().Enrolled.HomeAgent, snapshots[PeerRig.HomeAddress].HomeAgent);
        var held = Assert.Single(snapshots[PeerRig.HomeAddress].MayRemainElsewhere);
        Assert.Equal(third, held.HomeAgent);
        Assert.InRange(held.Remaining.TotalSeconds, 1, 30);
        Assert.InRange(snapshots[PeerRig.HomeAddress].HomeAddressRemaining!.Value.TotalHours, 23, 24);
    }

    [Fact]
    public void Home_agents_that_cannot_be_are_refused()
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.Zero).Interfaces[0];
        var address = handed.Addresses[0];
        var linkLocal = Ipv6Address.Parse("fe80::1");
        Refused(new([handed with { HomeAgents = [] }]), "home agents for 52:54:00:00:00:01 that cannot be");
        Refused(new([handed with { HomeAgents = [linkLocal] }]), "home agents for 52:54:00:00:00:01 that cannot be: fe80::1");
        Refused(new([handed with { HomeAgents = [.. Enumerable.Repeat(handed.HomeAgents[0], 17)] }]), "home agents for 52:54:00:00:00:01 that cannot be");
        Refused(new([handed with { Addresses = [address with { HomeAgent = linkLocal }] }]), "a home agent for 2001:db8:1::42 that cannot be");
        Refused(new([handed with { Addresses = [address with { MayRemainElsewhere = [new(linkLocal, 1)] }] }]), "a home agent for 2001:db8:1::42 that cannot be");
        Refused(
            new([handed with { Addresses = [address with { MayRemainElsewhere = [new(handed.HomeAgents[0], 1e9)] }] }]), "a lifetime for 2001:db8:1::42 that cannot be");
        Refused(new([handed with { Addresses = [address with { HomeAddressRemaining = -1 }] }]), "a lifetime for 2001:db8:1::42 that cannot be");
    }

    [Fact]
    public void What_is_of_other_interfaces_or_addresses_is_refused()
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.FromMilliseconds(8)).Interfaces[0];
        Refused(new([]), "says nothing of the interface 52:54:00:00:00:01");
        Refused(new([handed with { Mac = LinkLayerAddress.Parse("52:54:00:00:00:02") }]), "says nothing of the interface 52:54:00:00:00:01");
        Refused(new([handed with { Addresses = [] }]), "says nothing of the home address 2001:db8:1::42");
    }

    [Fact]
    public void Where_it_is_away_its_care_of_address_is_told_acknowledged_or_not()
    {
        _guest.Links[0].Attachment = Guests.Away;
        var links = GuestHandOver.Read(GuestHandOver.Of(_guest, _ => TimeSpan.Zero), Profile).Links;
        Assert.Equal(Guests.CareOf.Address, links[_guest.Links[0].Enrolled.Mac].CareOfAddress);
    }

    [Theory]
    [InlineData("::")]
    [InlineData("fe80::1")]
    [InlineData("2001:db8:1::42")] // The home address.
    public void A_care_of_address_that_cannot_be_is_refused(string address)
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.FromMilliseconds(8)).Interfaces[0];
        Refused(new([handed with { CareOfAddress = Ipv6Address.Parse(address) }]), "a care-of address for 52:54:00:00:00:01 that cannot be");
    }

    [Theory]
    [InlineData(-1, 0)]
    [InlineData(0, 1e9)]
    [InlineData(double.NaN, 0)]
    [InlineData(0, double.PositiveInfinity)]
    public void A_lifetime_that_cannot_be_is_refused(double remaining, double mayRemain)
    {
        var handed = GuestHandOver.Of(_guest, _ => TimeSpan.FromMilliseconds(8)).Interfaces[0];
        var address = handed.Addresses[0] with { BindingRemaining = remaining, BindingMayRemain = mayRemain };
        Refused(new([handed with { Addresses = [address] }]), "a lifetime for 2001:db8:1::42 that cannot be");
    }

    private void Refused(HandOver handOver, string why) =>
        Assert.Contains(why, Assert.Throws<PeerException>(() => GuestHandOver.Read(handOver, Profile)).Message, StringComparison.Ordinal);
}
