using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class HomeAgentDiscoveriesTests
{
    private static readonly Ipv6Address Second = Ipv6Address.Parse("2001:db8:1::3");
    private static readonly EnrolledInterface Found = Guests.Enrolled with { HomeAgentOrigin = HomeAgentOrigin.Found };

    private readonly GuestTable _guests = new();
    private readonly List<MobilityIcmpPacket> _sent = [];
    private readonly List<WireArray<Ipv6Address>> _found = [];
    private readonly HomeAgentDiscoveries _discoveries;

    public HomeAgentDiscoveriesTests() => _discoveries = new(
        _guests, _ => Guests.CareOf, _sent.Add, (_, _, homeAgents) => _found.Add(homeAgents), TestLog.Log);

    [Fact]
    public void The_home_agents_of_a_guest_s_home_prefix_are_asked_for_and_found()
    {
        Want(Put(Guests.Make(Guests.Away, interfaces: Found)));
        var request = Assert.Single(_sent);
        Assert.Equal((Guests.CareOf.Address, "2001:db8:1:0:fdff:ffff:ffff:fffe"), (request.Source, request.Destination.ToString()));
        Assert.NotNull(_discoveries.NextWakeUp);

        _discoveries.Receive(Reply(request, [Second, Guests.HomeAgent]));
        Assert.Equal([[Second, Guests.HomeAgent]], _found);
        Assert.Null(_discoveries.NextWakeUp);
    }

    [Fact]
    public void What_is_known_already_is_no_news()
    {
        Want(Put(Guests.Make(Guests.Away, interfaces: Found)));
        _discoveries.Receive(Reply(_sent[0], [Guests.HomeAgent]));
        Assert.Empty(_found);
    }

    [Fact]
    public void Where_the_administrator_has_given_one_or_the_guest_is_at_home_nobody_is_asked()
    {
        Want(Put(Guests.Make(Guests.Away)));
        Want(Put(Guests.Make(Guests.AtHome, interfaces: Found)));
        Assert.Empty(_sent);
    }

    [Fact]
    public void For_a_guest_that_has_left_nothing_more_is_asked()
    {
        var guest = Put(Guests.Make(Guests.Away, interfaces: Found));
        Want(guest);
        guest.Presence = Presence.Leaving;
        _discoveries.Receive(Reply(_sent[0], [Second]));
        Assert.Empty(_found);
        Assert.Null(_discoveries.NextWakeUp);
    }

    private static MobilityIcmpPacket Reply(MobilityIcmpPacket request, WireArray<Ipv6Address> homeAgents) =>
        new(Guests.HomeAgent, request.Source, null, null, new HomeAgentAddressDiscoveryReply(request.Message.Identifier, homeAgents));

    private void Want(Guest guest) => _discoveries.Want(guest, guest.Links[0]);

    private Guest Put(Guest guest)
    {
        _guests.Put(guest);
        return guest;
    }
}
