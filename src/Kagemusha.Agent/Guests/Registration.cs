using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.Agent;

/// <summary>The registration of one home address of a guest on this host.</summary>
/// <param name="address">The home address.</param>
/// <param name="node">The mobile node that decides.</param>
internal sealed class Registration(Ipv6Address address, MobileNode node)
{
    public Ipv6Address Address { get; } = address;

    public MobileNode Node { get; } = node;

    /// <summary>How its packets leave after an arrival; null when by the home agent's tunnel, or natively, for good.</summary>
    public ArrivalPath? Path { get; set; }

    /// <summary>How the kernel lets them leave now.</summary>
    public OutboundPath? Led { get; set; }

    /// <summary>What the metadata is to say of it.</summary>
    public EnrolledAddress Enrolled
    {
        get
        {
            var snapshot = Node.TakeSnapshot(Clock.Now);
            return new(Address, snapshot.ReservedThrough, snapshot.BindingMayRemain > TimeSpan.Zero);
        }
    }
}
