using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>How the packets of a guest leave that comes from another host, and what it was before.</summary>
public sealed class ArrivingGuestsTests : IDisposable
{
    private static readonly PeerTicket Last = new(new(Ipv6Address.Parse("2001:db8:f4::3"), 6275, "hv-b"), OneTimeToken.Create());
    private static readonly Ipv6Address CareOfThere = Last.Endpoint.Address;
    private static readonly HandOverTunnel Between = new(Guests.CareOf.Address, Last.Endpoint.Address, "wan");
    private static readonly HandOverTunnel FromEarlier = Between with { Remote = Ipv6Address.Parse("2001:db8:f4::4") };

    private readonly NetworkNamespace _namespace = new();
    private readonly TestAuthority _authority = new();
    private readonly TemporaryDirectory _directory = new();
    private readonly GuestTable _guests = new();
    private readonly Kernel _kernel;
    private readonly PeerChannel _channel;
    private readonly MoveJournal _journal;
    private readonly ArrivingGuests _arriving;

    public ArrivingGuestsTests()
    {
        _namespace.Ip("link add wan type veth peer name other");
        _namespace.Ip("link set other up");
        _namespace.Ip("link set wan up");
        _namespace.Ip($"address add {Guests.CareOf.Address}/64 dev wan nodad");
        _kernel = _namespace.Run(() => new Kernel());
        _channel = _namespace.Run(() => new PeerChannel(
            _authority.For("hv-a"), _ => Guests.CareOf.Address, (_, _) => throw new InvalidOperationException("nobody calls here"), TestLog.Log));
        _journal = new(TestLog.Log.Warn, _directory.Path);
        _arriving = new(_guests, new(_kernel, Guests.Configuration, TestLog.Log), _channel, new(_channel, _journal, TestLog.Log), _journal, new(), TestLog.Log);
    }

    public void Dispose()
    {
        _arriving.Dispose();
        _journal.Dispose();
        _channel.Dispose();
        _kernel.Dispose();
        _directory.Dispose();
        _authority.Dispose();
        _namespace.Dispose();
    }

    [Theory]
    [InlineData(false, false, nameof(OutboundPath.ThroughSource))]
    [InlineData(true, false, nameof(OutboundPath.ThroughSource))]
    [InlineData(true, true, nameof(OutboundPath.Held))]
    public void Through_the_last_host_it_leaves_where_its_home_agent_knows_none(bool isAwayThere, bool isRegistered, string path)
    {
        var guest = Expect(Guests.Away, isAwayThere ? CareOfThere : null, isRegistered ? CareOfThere : null);
        Assert.Equal(path, Path(guest));
        Assert.Equal((Between, false), (guest.Arrival!.Through, guest.Arrival.IsReturn));
    }

    [Fact]
    public void Home_again_it_is_known_where_it_was_until_nothing_comes_from_there_any_more()
    {
        var guest = Expect(Guests.AtHome, CareOfThere, registered: null);
        Assert.Equal(CareOfThere, guest.Links[0].PreviousCareOfAddress);
        Assert.Null(Path(guest));
        _arriving.End(guest);
        Assert.Null(guest.Links[0].PreviousCareOfAddress);

        Assert.Null(Expect(Guests.AtHome, careOf: null, registered: null).Links[0].PreviousCareOfAddress);
    }

    [Fact]
    public void When_the_last_host_is_acknowledged_before_the_switch_it_no_longer_leaves_through_it()
    {
        var guest = Expect(Guests.Away, CareOfThere, registered: null);
        var told = new RegisteredRequest(PeerRequest.CurrentVersion, Guests.Uuid, Last.Token, Guests.Home, 0.008);
        Assert.False(Tell(told with { Token = OneTimeToken.Create() }));
        Assert.False(Tell(told with { Domain = Guid.NewGuid() }));
        Assert.False(Tell(told with { Hold = -1 }));
        Assert.True(Tell(told with { HomeAddress = Ipv6Address.Parse("2001:db8:1::99") }));
        Assert.Equal(nameof(OutboundPath.ThroughSource), Path(guest));

        Assert.True(Tell(told));
        Assert.Equal(nameof(OutboundPath.Held), Path(guest));

        guest.Presence = Presence.Running;
        Assert.False(Tell(told));
    }

    [Theory]
    [InlineData(false, null, null)]
    [InlineData(true, null, nameof(OutboundPath.ThroughSource))]
    // Its home agent has acknowledged this host's address, and not the one where it was.
    [InlineData(false, "2001:db8:f4::2", null)]
    public void Back_before_its_home_agent_noticed_it_leaves_as_before(bool cameHereLately, string? registered, string? path)
    {
        Leave(cameHereLately);
        var guest = Expect(Guests.Away, CareOfThere, registered is null ? null : Ipv6Address.Parse(registered));
        Assert.Equal(path, Path(guest));
        Assert.Equal((cameHereLately ? FromEarlier : null, true), (guest.Arrival!.Through, guest.Arrival.IsReturn));

        // It may still notice.
        Assert.True(Tell(new(PeerRequest.CurrentVersion, Guests.Uuid, Last.Token, Guests.Home, 0.008)));
        Assert.Equal(nameof(OutboundPath.Held), Path(guest));
        Assert.Equal((Between, false), (guest.Arrival.Through, guest.Arrival.IsReturn));
    }

    [Fact]
    public void Back_after_its_home_agent_noticed_it_comes_as_from_anywhere()
    {
        Leave(cameHereLately: false);
        var guest = Expect(Guests.Away, CareOfThere, CareOfThere);
        Assert.Equal(nameof(OutboundPath.Held), Path(guest));
        Assert.Equal((Between, false), (guest.Arrival!.Through, guest.Arrival.IsReturn));
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(true, 0)]
    public void Of_a_home_agent_that_nobody_knows_the_speed_of_only_a_new_binding_is_refreshed_at_once(bool existed, int refreshes)
    {
        var guest = Expect(Guests.Away, CareOfThere, registered: null);
        List<Registration> asked = [];
        _arriving.Unmeasured += (_, _, registration) => asked.Add(registration);

        _arriving.Follow(guest, guest.Links[0], guest.Registrations.Single(), new MobileNodeEffect.UpdateAnswered(TimeSpan.FromSeconds(1), existed));

        Assert.Equal(Enumerable.Repeat(guest.Registrations.Single(), refreshes), asked);
    }

    private static string? Path(Guest guest) => guest.Registrations.Single().Path?.Path.ToString();

    private bool Tell(RegisteredRequest source) => _namespace.Run(() => _arriving.SourceRegistered(source));

    /// <summary>The guest was here, and has gone to where it is to come from.</summary>
    private void Leave(bool cameHereLately)
    {
        var before = Guests.Make(Guests.Away);
        before.Departure = new(Between, TimeSpan.MaxValue) { IsTurned = true };
        before.Arrival = new(new(new(FromEarlier.Remote, 6275, "hv-c"), OneTimeToken.Create()), FromEarlier) { IsReported = !cameHereLately };
        _guests.Put(before);
        _guests.Depart(before);
    }

    private Guest Expect(Attachment place, Ipv6Address? careOf, Ipv6Address? registered)
    {
        var guest = Guests.Make(place, Presence.Incoming);
        _guests.Put(guest);
        var left = TimeSpan.FromMinutes(5);
        var handOver = new GuestHandOver(
            guest.Profile,
            new Dictionary<Ipv6Address, MobileNodeSnapshot> { [Guests.Home] = new(64, registered, registered is null ? TimeSpan.Zero : left, left) },
            new Dictionary<LinkLayerAddress, HandedLink> { [Guests.Mac] = new(careOf, TimeSpan.FromMilliseconds(8)) });
        _namespace.Run(() => _arriving.Expect(guest, Last, handOver, Clock.Now));
        return guest;
    }
}
