using Kagemusha.Control;
using Kagemusha.Linux;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The registration of one home address of a guest on this host.</summary>
/// <param name="address">The home address.</param>
/// <param name="node">The mobile node that decides.</param>
/// <param name="origin">How the home address became known.</param>
internal sealed class Registration(Ipv6Address address, MobileNode node, HomeAddressOrigin origin = HomeAddressOrigin.Given)
{
    private static readonly Ipv6Prefix LinkLocal = Ipv6Prefix.Parse("fe80::/64");

    public Ipv6Address Address { get; } = address;

    public MobileNode Node { get; } = node;

    public HomeAddressOrigin Origin { get; } = origin;

    /// <summary>A registration whose node has not been told anything yet.</summary>
    /// <param name="configuration">What it is to be like.</param>
    /// <param name="link">The interface.</param>
    /// <param name="address">The home address.</param>
    /// <param name="known">What is known of it.</param>
    public static Registration Create(AgentConfiguration configuration, EnrolledInterface link, EnrolledAddress address, MobileNodeSnapshot known)
    {
        // What the guest has made its home address of, it has made its link-local address of.
        var linkLocal = LinkLocal.AddressOf(link.Mac);
        var node = new MobileNode(
            new(address.Address, link.HomeAgent)
            {
                LinkLocalAddress = linkLocal,
                OtherHomeAgents = link.OtherHomeAgents,
                Lifetime = configuration.BindingLifetime,
                InitialBindackTimeoutFirstReg = configuration.FirstAcknowledgementTimeout,
            },
            known,
            Clock.Now,
            Random.Shared.NextDouble);
        return new(address.Address, node, address.Origin) { LinkLocalAddress = linkLocal == address.Address.LinkLocal ? linkLocal : null };
    }

    /// <summary>The guest's link-local address, where the home agent defends it with the home address (RFC 6275, section 11.7.1: L); else null.</summary>
    public Ipv6Address? LinkLocalAddress { get; private init; }

    /// <summary>How its packets leave after an arrival; null when by the home agent's tunnel, or natively, for good.</summary>
    public ArrivalPath? Path { get; set; }

    /// <summary>How the kernel lets them leave now.</summary>
    public OutboundPath? Led { get; set; }

    /// <summary>What is ready for each way, after an arrival.</summary>
    public IReadOnlyDictionary<OutboundPath, PreparedPath> Prepared { get; set; } = new Dictionary<OutboundPath, PreparedPath>();

    /// <summary>What the metadata is to say of it.</summary>
    public EnrolledAddress Enrolled
    {
        get
        {
            var snapshot = Node.TakeSnapshot(Clock.Now);
            return new(Address, snapshot.ReservedThrough, snapshot.MayRemain, Origin)
            {
                HomeAgent = Node.HomeAgent == Node.HomeAgents[0] ? null : Node.HomeAgent,
            };
        }
    }
}

/// <summary>A way of a home address' own packets, ready to be taken at once.</summary>
/// <param name="Route">What leads them there.</param>
/// <param name="Link">The index of the link by which they leave.</param>
internal sealed record PreparedPath(PreparedChanges Route, int Link);
