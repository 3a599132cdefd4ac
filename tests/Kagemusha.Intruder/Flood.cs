using Kagemusha.Wire;

namespace Kagemusha.Intruder;

/// <summary>Neighbour solicitations (RFC 4861, section 4.3) for random targets from random sources.</summary>
internal static class Flood
{
    // Not from its home prefixes: a guest may have more addresses there, which are learnt.
    private static readonly UInt128[] Sources = [Ipv6Address.Parse("fe80::").Bits, Ipv6Address.Parse("2001:db8:66::").Bits];

    /// <summary>So many of them, one after the other.</summary>
    public static IEnumerable<byte[]> Frames(Scene scene, int count)
    {
        var random = new Random(1);
        var prefix = scene.Self.Address.Bits >> 64 << 64;
        for (var i = 0; i < count; i++)
        {
            var source = new Ipv6Address(Sources[i % Sources.Length] | (ulong)random.NextInt64());
            var mac = i % 3 == 0 ? scene.Self.Mac : new LinkLayerAddress(0x0200_0000_0000 | (ulong)random.NextInt64(1L << 32));
            var target = new Ipv6Address(prefix | (ulong)random.NextInt64());
            var packet = new NeighbourDiscoveryPacket(source, target.SolicitedNode, new NeighbourSolicitation(target, [new SourceLinkLayerAddress(mac)]));
            yield return EthernetFrame.Around(packet, mac, LinkLayerAddress.ForMulticast(target.SolicitedNode)).ToArray();
        }
    }
}
