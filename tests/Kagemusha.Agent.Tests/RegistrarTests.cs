using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

public sealed class RegistrarTests
{
    private readonly GuestTable _guests = new();
    private readonly List<string> _story = [];
    private readonly List<MobilityPacket> _sent = [];
    private readonly List<MobilityIcmpPacket> _solicited = [];
    private readonly List<ParameterProblemPacket> _problems = [];
    private readonly List<MobileNodeEffect> _happened = [];
    private readonly List<MobilityPacket> _relayed = [];
    private readonly Registrar _registrar;
    private TaskCompletionSource<MobilityPacket?> _lastHost = new();
    private bool _diskIsFull;

    public RegistrarTests() => _registrar = new(
        _guests,
        packet =>
        {
            _story.Add("sent");
            if (packet is MobilityPacket update)
            {
                _sent.Add(update);
            }
            else if (packet is MobilityIcmpPacket solicitation)
            {
                _solicited.Add(solicitation);
            }
            else
            {
                _problems.Add((ParameterProblemPacket)packet);
            }
        },
        (_, packet) =>
        {
            _relayed.Add(packet);
            return _lastHost.Task;
        },
        _ =>
        {
            _story.Add("saved");
            if (_diskIsFull)
            {
                throw new IOException("No space left on device");
            }
        },
        _ => [],
        TestLog.Log,
        _ => _story.Add("changed"),
        (_, _, _, effect) => _happened.Add(effect));

    [Fact]
    public void A_number_is_durable_before_it_is_used()
    {
        _registrar.Activate(Put(Guests.Make(Guests.Away)));
        Assert.Equal(["saved", "changed", "sent"], _story);
        Assert.Equal(
            (Guests.CareOf.Address, Guests.HomeAgent, Guests.Home), (_sent[0].Source, _sent[0].Destination, _sent[0].HomeAddressOption));
    }

    [Fact]
    public async Task For_a_severed_interface_nothing_is_sent_and_nobody_waits()
    {
        var guest = Put(Guests.Make(Guests.AtHome, interfaces: [Guests.Enrolled, Guests.Second]));
        guest.Links[1].Attachment = new Attachment.Severed(null, "it is plugged out");
        _registrar.Activate(guest);
        Assert.Null(await _registrar.SettleAsync(guest));
        Assert.Empty(_sent);
    }

    [Fact]
    public void Between_the_resume_of_a_guest_that_was_expected_and_its_update_nothing_is_written()
    {
        var guest = Put(Guests.Make(Guests.Away, Presence.Incoming));
        _registrar.Expect(guest);
        Assert.Equal(["saved", "changed"], _story);
        _registrar.Activate(guest);
        Assert.Equal(["saved", "changed", "sent"], _story);
    }

    [Fact]
    public void A_full_disk_costs_no_registration()
    {
        _diskIsFull = true;
        _registrar.Activate(Put(Guests.Make(Guests.Away)));
        Assert.Equal(["saved", "changed", "sent"], _story);
    }

    [Fact]
    public void An_answer_is_saved_and_told()
    {
        var guest = Put(Guests.Make(Guests.Away));
        _registrar.Activate(guest);
        _story.Clear();
        _registrar.Receive(Guests.Answer(_sent[0]));
        Assert.Equal(["saved", "changed"], _story);
        Assert.Equal(MobileNodePhase.Registered, guest.Registrations.Single().Node.GetState(Clock.Now).Phase);
    }

    [Fact]
    public void An_answer_finds_the_guest_whose_home_address_it_is_about()
    {
        var one = Put(Guests.Make(Guests.Away));
        var two = Put(Guests.Make(Guests.Away, uuid: Guid.NewGuid(), interfaces: Guests.Second));
        _registrar.Activate(one);
        _registrar.Activate(two);
        _registrar.Receive(Guests.Answer(_sent[1]));
        Assert.Equal([MobileNodePhase.Registering, MobileNodePhase.Registered], Phases());

        _registrar.Receive(Guests.Answer(_sent[0]) with { Type2RoutingHeader = Ipv6Address.Parse("2001:db8:1::99") });
        Assert.Equal([MobileNodePhase.Registering, MobileNodePhase.Registered], Phases());

        _registrar.Receive(Guests.Answer(_sent[0]));
        Assert.Equal([MobileNodePhase.Registered, MobileNodePhase.Registered], Phases());
    }

    // RFC 6275, section 9.2.
    [Fact]
    public void A_message_that_cannot_be_read_is_answered_for_who_speaks_with_its_sender_from_there()
    {
        var unreadable = new MobileNodeInput.Unreadable(
            Guests.HomeAgent, Guests.CareOf.Address, [.. new byte[48]], new("mobility header is shorter than its type", 41) { NeedsParameterProblem = true });
        _registrar.Receive(unreadable);
        _registrar.Activate(Put(Guests.Make(Guests.AtHome, uuid: Guid.NewGuid(), interfaces: Guests.Second)));
        _registrar.Activate(Put(Guests.Make(Guests.Away)));

        _registrar.Receive(unreadable with { Source = Guests.CareOf.Address });
        _registrar.Receive(unreadable with { Destination = Guests.HomeAgent });
        Assert.Empty(_problems);
        _registrar.Receive(unreadable);
        Assert.Equal([new(Guests.CareOf.Address, Guests.HomeAgent, 41, unreadable.Packet)], _problems);
    }

    [Fact]
    public void Nothing_is_sent_for_a_guest_that_does_not_run_here()
    {
        var guest = Put(Guests.Make(Guests.Away));
        _registrar.Activate(guest);
        _registrar.Deactivate(guest);
        _story.Clear();

        _registrar.Receive(Guests.Answer(_sent[0]));
        _registrar.Refresh(guest);
        _registrar.WakeUp();
        Assert.Empty(_story);
        Assert.Null(_registrar.NextWakeUp);
    }

    [Fact]
    public void It_wants_to_be_woken_for_whoever_is_next()
    {
        Assert.Null(_registrar.NextWakeUp);
        var guest = Put(Guests.Make(Guests.Away));
        Put(Guests.Make(Guests.AtHome, uuid: Guid.NewGuid(), interfaces: Guests.Second));
        Assert.Null(_registrar.NextWakeUp);

        _registrar.Activate(guest);
        Assert.Equal(guest.Registrations.Single().Node.NextWakeUp, _registrar.NextWakeUp);
    }

    [Fact]
    public void At_home_without_a_binding_nothing_is_sent_and_with_one_the_home_link_is_spoken_on()
    {
        var guest = Put(Guests.Make(Guests.AtHome));
        _registrar.Activate(guest);
        Assert.Empty(_story);

        var back = Put(Guests.Make(Guests.AtHome, interfaces: Guests.Enrolled with { Addresses = [new(Guests.Home, 64, BindingPossible: true)] }));
        _registrar.Activate(back);
        Assert.Equal(["saved", "changed"], _story);
        Assert.NotNull(back.Links[0].HomeLinkPort);
        _registrar.Deactivate(back);
        Assert.Null(back.Links[0].HomeLinkPort);
    }

    [Fact]
    public async Task A_guest_that_has_come_home_is_de_registered_by_its_last_host() => await AgentLoopTests.OnLoop(async _ =>
    {
        var guest = Put(ComeHome());
        _registrar.Activate(guest);
        var update = Assert.Single(_relayed);
        Assert.Equal((Guests.CareOf.Address, Guests.Home), (update.Source, update.HomeAddressOption));
        Assert.Null(guest.Links[0].HomeLinkPort);

        _lastHost.SetResult(Guests.Answer(update));
        await Task.Yield();
        Assert.Equal([MobileNodePhase.AtHome], Phases());
        Assert.Empty(_sent);
    });

    [Fact]
    public async Task An_answer_from_the_last_host_about_another_address_counts_for_nobody() => await AgentLoopTests.OnLoop(async _ =>
    {
        var other = Put(Guests.Make(Guests.Away, uuid: Guid.NewGuid(), interfaces: Guests.Second));
        _registrar.Activate(other);
        _registrar.Activate(Put(ComeHome()));
        _lastHost.SetResult(Guests.Answer(_sent[0]));
        await Task.Yield();
        Assert.Equal([MobileNodePhase.Registering, MobileNodePhase.Deregistering], Phases());
    });

    [Fact]
    public async Task Without_its_last_host_it_is_de_registered_from_home_at_once_if_it_is_still_here() => await AgentLoopTests.OnLoop(async _ =>
    {
        var guest = Put(ComeHome());
        _registrar.Activate(guest);
        _lastHost.SetException(new PeerException("no connection: Connection refused"));
        await Task.Yield();
        Assert.NotNull(guest.Links[0].HomeLinkPort);

        _lastHost = new();
        var gone = Put(ComeHome());
        _registrar.Activate(gone);
        _registrar.Deactivate(gone);
        _lastHost.SetException(new PeerException("no connection: Connection refused"));
        await Task.Yield();
        Assert.Null(gone.Links[0].HomeLinkPort);
        Assert.Null(_registrar.NextWakeUp);
    });

    [Fact]
    public async Task Who_waits_for_the_home_agent_hears_of_its_answer_and_a_refusal_does_not_stop_the_loop() => await AgentLoopTests.OnLoop(async _ =>
    {
        var guest = Put(Guests.Make(Guests.Away));
        _registrar.Activate(guest);
        var settling = _registrar.SettleAsync(guest);

        // In Receive's own turn nobody else goes on.
        _registrar.Receive(Guests.Answer(_sent[0], BindingStatus.InsufficientResources));
        Assert.False(settling.IsCompleted);
        await Task.Yield();
        Assert.False(settling.IsCompleted);

        _registrar.Refresh(guest);
        _registrar.Receive(Guests.Answer(_sent[^1]));
        Assert.False(settling.IsCompleted);
        Assert.Null(await settling);
    });

    [Fact]
    public void When_a_home_agent_refuses_the_next_is_asked_and_that_is_saved()
    {
        var second = Ipv6Address.Parse("2001:db8:1::3");
        var guest = Put(Guests.Make(Guests.Away));
        _registrar.Find(guest, guest.Links[0], [Guests.HomeAgent, second]);
        _registrar.Activate(guest);
        _story.Clear();

        _registrar.Receive(Guests.Answer(_sent[0], BindingStatus.AdministrativelyProhibited));

        Assert.Equal(["saved", "changed", "saved", "changed"], _story);
        Assert.Equal(second, guest.Links[0].HomeAgent);
        var enrolled = Assert.Single(guest.Profile.Interfaces);
        Assert.Equal([Guests.HomeAgent, second], enrolled.HomeAgents);
        Assert.Equal(second, Assert.Single(enrolled.Addresses).HomeAgent);
        Assert.Equal([second], guest.Links[0].AwayLink!.TunnelEnds.Except([Guests.HomeAgent]));
    }

    [Fact]
    public void No_more_is_asked_for_than_the_care_of_address_lasts()
    {
        var place = Guests.Away with { CareOf = Guests.CareOf with { ValidUntil = Clock.Now + TimeSpan.FromSeconds(100) } };
        _registrar.Activate(Put(Guests.Make(place)));
        Assert.InRange(((BindingUpdate)_sent[0].Message).Lifetime, 20, 25);
    }

    [Fact]
    public void Prefixes_are_solicited_and_their_advertisement_finds_its_guest()
    {
        Put(Guests.Make(Guests.Away, uuid: Guid.NewGuid(), interfaces: Guests.Second));
        _registrar.Activate(Put(Guests.Make(Guests.Away)));
        _registrar.Receive(Guests.Answer(_sent[0], BindingStatus.AcceptedPrefixDiscoveryNecessary));
        var solicitation = Assert.Single(_solicited);
        Assert.Equal((Guests.CareOf.Address, Guests.HomeAgent, Guests.Home), (solicitation.Source, solicitation.Destination, solicitation.HomeAddressOption));

        var prefix = new PrefixInformation(64, PrefixFlags.OnLink, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"));
        var advertisement = new MobilePrefixAdvertisement(solicitation.Message.Identifier, MobilePrefixFlags.None, [prefix]);
        _registrar.Receive(new MobilityIcmpPacket(Guests.HomeAgent, Guests.CareOf.Address, null, null, advertisement));
        Assert.Empty(_happened.OfType<MobileNodeEffect.PrefixesAdvertised>());
        _registrar.Receive(new MobilityIcmpPacket(Guests.HomeAgent, Guests.CareOf.Address, null, Guests.Home, advertisement));
        Assert.Equal([prefix], Assert.Single(_happened.OfType<MobileNodeEffect.PrefixesAdvertised>()).Prefixes);
    }

    [Fact]
    public async Task Who_is_settled_does_not_wait()
    {
        var guest = Put(Guests.Make(Guests.AtHome));
        _registrar.Activate(guest);
        Assert.Null(await _registrar.SettleAsync(guest));
    }

    private static Guest ComeHome()
    {
        var guest = Guests.Make(Guests.AtHome, interfaces: Guests.Enrolled with { Addresses = [new(Guests.Home, 64, BindingPossible: true)] });
        guest.Links[0].PreviousCareOfAddress = Guests.CareOf.Address;
        return guest;
    }

    private Guest Put(Guest guest)
    {
        _guests.Put(guest);
        return guest;
    }

    private IEnumerable<MobileNodePhase> Phases() =>
        _guests.All.SelectMany(guest => guest.Registrations).Select(registration => registration.Node.GetState(Clock.Now).Phase);
}
