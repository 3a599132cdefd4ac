using Kagemusha.Control;

namespace Kagemusha.Agent.Tests;

/// <summary>What the hook is told before the kernel is asked for anything.</summary>
public sealed class HookOperationsTests
{
    private const string Interface = """
            <interface type='bridge'>
              <mac address='52:54:00:00:00:01'/>
              <source bridge='br0'/>
            </interface>
        """;

    private static readonly MobilityProfile Profile = new([Guests.Enrolled]);

    private readonly GuestTable _guests = new();
    private readonly List<Guid> _looked = [];
    private readonly HookOperations _hooks;

    public HookOperationsTests()
    {
        var lifecycle = new GuestLifecycle(Guests.Configuration, _guests, null!, null!, null!, null!, null!, null!, null!, new(), new(Guests.Configuration, _guests, null!, null!, TestLog.Log), TestLog.Log);
        _hooks = new(_guests, lifecycle, null!, null!, null!, null!, LookAsync, TestLog.Log);

        Task LookAsync(Guid uuid)
        {
            _looked.Add(uuid);
            return Task.CompletedTask;
        }
    }

    [Theory]
    [InlineData(Presence.Running)]
    [InlineData(Presence.Leaving)]
    public async Task A_migration_to_the_host_that_the_guest_is_on_is_refused_and_the_guest_untouched(object presence)
    {
        var guest = Guests.Make(Guests.Away, (Presence)presence);
        _guests.Put(guest);

        Assert.Equal(new(null, $"vm is on {Environment.MachineName} already"), await Call("migrate", "begin", Guests.Xml(Profile, Interface)));
        Assert.Equal([Guests.Uuid], _looked);
        Assert.Same(guest, Assert.Single(_guests.All));
        Assert.Equal(presence, guest.Presence);
    }

    [Fact]
    public async Task A_home_address_that_another_guest_has_is_refused()
    {
        _guests.Put(Guests.Make(Guests.Away, uuid: Guid.NewGuid(), interfaces: Guests.Enrolled with { Mac = Guests.Second.Mac }));
        Assert.Equal(
            new(null, "2001:db8:1::42 is already used on this host, by vm"),
            await Call("migrate", "begin", Guests.Xml(Profile, Interface)));
        Assert.Single(_guests.All);
        Assert.Empty(_looked);
    }

    [Fact]
    public async Task An_enrolled_interface_that_has_gone_is_refused()
    {
        Assert.Equal(
            new(null, "the VM has no interface 52:54:00:00:00:01, which is enrolled: unenroll it and enroll it again"),
            await Call("migrate", "begin", Guests.Xml(Profile, "")));
        Assert.Empty(_guests.All);
    }

    /// <summary>Where two interfaces would end, the second without a home address; and why the guest does not come.</summary>
    public static TheoryData<object, object, string?> Places => new()
    {
        { Guests.Away, Guests.Away, null },
        { Guests.AtHome, new Attachment.Severed("kg525400000002", "no route"), null },
        { Guests.Away, new Attachment.Severed(null, "it is plugged out"), null },
        { new Attachment.Severed("kg525400000001", "no route"), Guests.AtHome, null },
        {
            new Attachment.Severed("kg525400000001", "no route"), Guests.Away,
            "no route; no home address of vm's interface 52:54:00:00:00:02 is known yet: let it use its network at home, or enroll it again with --home-address"
        },
        { new Attachment.Severed("kg525400000001", "no route"), new Attachment.Severed("kg525400000002", "no route"), "no route" },
        { new Attachment.Severed("kg525400000001", "no route"), new Attachment.Severed(null, "it is plugged out"), "no route; 52:54:00:00:00:02: it is plugged out" },
    };

    [Theory]
    [MemberData(nameof(Places), DisableDiscoveryEnumeration = true)]
    public void One_interface_by_which_a_guest_can_be_reached_is_enough(object first, object second, string? whyNot)
    {
        var unused = Guests.Second with { Addresses = [] };
        var places = new Dictionary<EnrolledInterface, Attachment> { [Guests.Enrolled] = (Attachment)first, [unused] = (Attachment)second };
        var refused = Record.Exception(() => HookOperations.RefuseUnreachable(DomainXml.Parse(Guests.Xml(Profile, Interface)), places));
        Assert.Equal(whyNot, (refused as RefusedException)?.Message);
    }

    [Theory]
    [InlineData("migrate", "begin", true)]
    [InlineData("prepare", "begin", false)]
    [InlineData("start", "begin", false)]
    [InlineData("started", "begin", false)]
    [InlineData("stopped", "end", false)]
    [InlineData("release", "end", false)]
    [InlineData("reconnect", "begin", false)]
    public async Task Malformed_metadata_refuses_a_migration_and_no_plain_start(string operation, string subOperation, bool isRefused)
    {
        var xml = Guests.Xml(Profile, Interface).Replace("2001:db8:1::42", "nonsense", StringComparison.Ordinal);
        var reply = await Call(operation, subOperation, xml);
        Assert.Null(reply.Xml);
        Assert.Equal(isRefused, reply.Error is not null);
        Assert.True(reply.Error is null || reply.Error.Contains("home-address", StringComparison.Ordinal), reply.Error);
    }

    [Theory]
    [InlineData("stopped", true)]
    [InlineData("release", true)]
    [InlineData("reconnect", false)]
    [InlineData("attach", false)]
    public async Task When_a_domain_ends_libvirt_is_asked_afterwards(string operation, bool isAsked)
    {
        var guest = Guests.Make(Guests.Away);
        _guests.Put(guest);
        Assert.Equal(new(null, null), await Call(operation, "end", Guests.Xml(Profile, Interface)));
        Assert.Equal(isAsked ? [Guests.Uuid] : [], _looked);
        Assert.Same(guest, Assert.Single(_guests.All));
    }

    [Fact]
    public async Task A_domain_without_our_metadata_is_let_through()
    {
        var plain = Guests.Xml(Profile, Interface).Replace(MobilityProfile.Namespace, "urn:example", StringComparison.Ordinal);
        Assert.Equal(new(null, null), await Call("migrate", "begin", plain));
        Assert.Empty(_guests.All);
    }

    private Task<HookReply> Call(string operation, string subOperation, string xml) =>
        _hooks.AnswerAsync(new("vm", operation, subOperation, "-", xml));
}
