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
        var node = new MobileNode(
            new(address.Address, link.HomeAgent)
            {
                OtherHomeAgents = link.OtherHomeAgents,
                Lifetime = configuration.BindingLifetime,
                InitialBindackTimeoutFirstReg = configuration.FirstAcknowledgementTimeout,
            },
            known,
            Clock.Now,
            Random.Shared.NextDouble);
        return new(address.Address, node, address.Origin);
    }

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
