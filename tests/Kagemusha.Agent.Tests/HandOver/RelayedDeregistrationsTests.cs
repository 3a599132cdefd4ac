using Kagemusha.Control;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class RelayedDeregistrationsTests
{
    private static readonly PeerCaller Destination = new("hv-a", "destination's certificate", "2001:db8:f3::2");
    private static readonly PeerEndpoint Endpoint = new(Ipv6Address.Parse("2001:db8:f3::2"), 6275, "hv-a");
    private static readonly HandOverTunnel Tunnel = new(Guests.CareOf.Address, Endpoint.Address, "eth0");

    /// <summary>What a mobile node at home wants sent from the care-of address that the guest had here.</summary>
    private static readonly MobilityPacket Deregistration = new(
        Guests.CareOf.Address,
        Guests.HomeAgent,
        Guests.Home,
        null,
        new BindingUpdate(
            70, BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, 0, [new AlternateCareOfAddress(Guests.CareOf.Address)]));

    private readonly GuestTable _guests = new();
    private readonly Guest _guest = Guests.Make(Guests.Away, Presence.Leaving);
    private readonly OneTimeToken _token = OneTimeToken.Create();
    private readonly List<MobilityPacket> _sent = [];
    private readonly RelayedDeregistrations _relayed;

    public RelayedDeregistrationsTests()
    {
        _guest.HandedOver = new(_token, Destination.Thumbprint, Endpoint);
        _guest.Departure = new(Tunnel, TimeSpan.MaxValue) { IsTurned = true };
        _guests.Put(_guest);
        _relayed = new(_guests, _sent.Add);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_is_sent_as_it_came_and_its_answer_given_back(bool hasGone)
    {
        if (hasGone)
        {
            _guests.Depart(_guest);
        }

        var asking = _relayed.AnswerAsync(Destination, Request(Deregistration));
        Assert.Equal([Deregistration], _sent);
        Assert.False(asking.IsCompleted);

        var answer = Guests.Answer(Deregistration);
        _relayed.Receive(answer);
        Assert.Equal(answer.ToArray(), Packet(await asking));
    }

    [Fact]
    public async Task It_is_sent_to_any_of_the_home_agents()
    {
        var second = Ipv6Address.Parse("2001:db8:1::3");
        var link = _guest.Links[0];
        link.Registrations[0] = Registration.Create(
            Guests.Configuration, link.Enrolled.WithHomeAgents([Guests.HomeAgent, second]), link.Enrolled.Addresses[0], new(64, null, TimeSpan.Zero, TimeSpan.Zero));
        var update = Deregistration with { Destination = second };

        var asking = _relayed.AnswerAsync(Destination, Request(update));
        Assert.Equal([update], _sent);
        _relayed.Receive(Guests.Answer(update));
        Assert.NotNull(Packet(await asking));
    }

    [Fact]
    public async Task The_oldest_that_waits_gets_the_answer_whatever_its_number()
    {
        var first = _relayed.AnswerAsync(Destination, Request(Deregistration));
        var second = _relayed.AnswerAsync(Destination, Request(Deregistration with { Message = Update(71) }));
        var answer = Guests.Answer(_sent[1]);
        _relayed.Receive(answer);
        Assert.Equal(answer.ToArray(), Packet(await first));
        Assert.False(second.IsCompleted);

        _relayed.Receive(answer);
        await second;
    }

    [Fact]
    public async Task What_answers_something_else_is_not_given_back_and_nothing_is_said_after_a_while()
    {
        var asking = _relayed.AnswerAsync(Destination, Request(Deregistration));
        var answer = Guests.Answer(Deregistration);
        _relayed.Receive(answer with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::99") });
        _relayed.Receive(answer with { Source = Ipv6Address.Parse("2001:db8:1::3") });
        _relayed.Receive(answer with { Destination = Ipv6Address.Parse("2001:db8:f4::3") });
        Assert.Null(Packet(await asking));
    }

    public static TheoryData<string, MobilityPacket> Wrong => new()
    {
        { "another care-of address", Deregistration with { Source = Ipv6Address.Parse("2001:db8:f4::3") } },
        { "another home agent", Deregistration with { Destination = Ipv6Address.Parse("2001:db8:1::3") } },
        { "another guest's home address", Deregistration with { HomeAddressOption = Ipv6Address.Parse("2001:db8:1::43") } },
        { "no home address", Deregistration with { HomeAddressOption = null } },
        { "a routing header", Deregistration with { Type2RoutingHeader = Guests.Home } },
        { "a registration", Deregistration with { Message = new BindingUpdate(70, BindingUpdateFlags.HomeRegistration, 1, []) } },
        { "an answer", Deregistration with { Message = new BindingAcknowledgement(BindingStatus.Accepted, 0, 70, 0, []) } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task Nothing_else_is_sent(string what, MobilityPacket packet)
    {
        Assert.NotEmpty(what);
        await RefusedAsync(Destination, Request(packet), "it would have a packet sent for vm that does not de-register it from here");
    }

    [Fact]
    public async Task What_is_no_packet_is_not_sent() => await RefusedAsync(
        Destination, Request(Deregistration) with { Packet = [0x60] }, "it would have a packet sent that cannot be read: ");

    [Fact]
    public async Task Nothing_is_sent_for_whom_the_guest_was_not_handed_over_to()
    {
        var why = $"it would have a packet sent for {Guests.Uuid}, which was not handed over to it";
        await RefusedAsync(Destination with { Thumbprint = "another's" }, Request(Deregistration), why);
        await RefusedAsync(Destination, Request(Deregistration) with { Token = OneTimeToken.Create() }, why);
        _guest.Departure = null;
        await RefusedAsync(Destination, Request(Deregistration), why);
    }

    [Fact]
    public async Task Nothing_is_sent_for_a_guest_that_still_runs_here()
    {
        _guest.Departure!.IsTurned = false;
        await RefusedAsync(Destination, Request(Deregistration), "it would have vm de-registered, which has not left");
    }

    [Fact]
    public async Task Nothing_is_sent_for_a_guest_that_was_at_home_here()
    {
        _guest.Links[0].Attachment = Guests.AtHome;
        await RefusedAsync(Destination, Request(Deregistration), "it would have a packet sent for vm that does not de-register it from here");
    }

    private static BindingUpdate Update(ushort sequence) => ((BindingUpdate)Deregistration.Message) with { Sequence = sequence };

    private DeregistrationRequest Request(MobilityPacket packet) => new(PeerRequest.CurrentVersion, Guests.Uuid, _token, packet.ToArray());

    private static byte[]? Packet(PeerAnswer answer) => Assert.IsType<HomeAgentAnswer>(answer.Reply).Packet;

    private async Task RefusedAsync(PeerCaller caller, DeregistrationRequest request, string why)
    {
        var answer = await _relayed.AnswerAsync(caller, request);
        Assert.IsType<PeerRefused>(answer.Reply);
        Assert.StartsWith(why, answer.Refused, StringComparison.Ordinal);
        Assert.Empty(_sent);
    }
}
