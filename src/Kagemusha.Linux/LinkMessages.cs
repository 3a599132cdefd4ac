using System.Runtime.InteropServices;
using System.Text;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>Links in rtnetlink's messages: struct ifinfomsg and IFLA attributes.</summary>
internal static class LinkMessages
{
    private const int InfoLength = 16;
    private const byte HopLimit = 64;

    public static void WriteDump(NetlinkWriter writer)
    {
        writer.Begin(RTM_GETLINK, NLM_F_DUMP);
        writer.Fixed(InfoLength);
        writer.End();
    }

    public static NetworkInterface? Read(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < InfoLength)
        {
            return null;
        }

        var flags = MemoryMarshal.Read<uint>(payload[8..]);
        var attributes = new NetlinkAttributes(payload[InfoLength..]);
        var info = attributes.Nested(IFLA_LINKINFO);
        var data = info.Nested(IFLA_INFO_DATA);
        var kind = info.Text(IFLA_INFO_KIND);
        var inet6 = attributes.Nested(IFLA_AF_SPEC).Nested(AF_INET6_BYTE);
        return new(MemoryMarshal.Read<int>(payload[4..]), attributes.Text(IFLA_IFNAME) ?? "")
        {
            Kind = kind,
            Address = attributes.LinkLayer(IFLA_ADDRESS),
            MasterIndex = (int)attributes.Number(IFLA_MASTER),
            Mtu = (int)attributes.Number(IFLA_MTU),
            TransmitQueueLength = (int)attributes.Number(IFLA_TXQLEN),
            IsUp = (flags & IFF_UP) != 0,
            HasCarrier = (flags & IFF_LOWER_UP) != 0,
            GeneratesAddresses = inet6.Byte(IFLA_INET6_ADDR_GEN_MODE) != IN6_ADDR_GEN_MODE_NONE,
            BridgePort = BridgeMessages.ReadPort(info),
            Group = attributes.Number(IFLA_GROUP),
            Table = kind == "vrf" ? data.Number(IFLA_VRF_TABLE) : 0,
            Tunnel = kind == "ip6tnl" ? ReadTunnel(data) : null,
            PeerIndex = kind == "veth" && !attributes.Has(IFLA_LINK_NETNSID) ? (int)attributes.Number(IFLA_LINK) : 0,
        };
    }

    public static void WriteAdd(NetlinkWriter writer, Link link, byte protocol, Func<string, int> indexOf)
    {
        writer.Begin(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        writer.Fixed(InfoLength);
        writer.Text(IFLA_IFNAME, link.Name);
        writer.Number(IFLA_GROUP, protocol);
        var info = writer.BeginNested(IFLA_LINKINFO);
        writer.Bytes(IFLA_INFO_KIND, Encoding.ASCII.GetBytes(link switch
        {
            Vrf => "vrf",
            Veth => "veth",
            _ => "ip6tnl",
        }));
        var data = writer.BeginNested(IFLA_INFO_DATA);
        switch (link)
        {
            case Vrf vrf:
                writer.Number(IFLA_VRF_TABLE, vrf.Table);
                break;
            case Ip6Tunnel tunnel:
                writer.Address(IFLA_IPTUN_LOCAL, tunnel.Local);
                writer.Address(IFLA_IPTUN_REMOTE, tunnel.Remote);
                writer.Number(IFLA_IPTUN_LINK, (uint)(tunnel.Underlay is null ? 0 : indexOf(tunnel.Underlay)));
                writer.Byte(IFLA_IPTUN_TTL, HopLimit);
                writer.Byte(IFLA_IPTUN_PROTO, IPPROTO_IPV6_BYTE);
                writer.Number(IFLA_IPTUN_FLAGS, IP6_TNL_F_IGN_ENCAP_LIMIT);
                break;
            case Veth veth:
                var peer = writer.BeginNested(VETH_INFO_PEER);
                writer.Fixed(InfoLength);
                writer.Text(IFLA_IFNAME, veth.Peer);
                writer.Number(IFLA_GROUP, protocol);
                writer.EndNested(peer);
                break;
            default:
                throw new ArgumentException($"{link.GetType().Name} is not made by us");
        }

        writer.EndNested(data);
        writer.EndNested(info);
        writer.End();
    }

    /// <summary>Asks for one link.</summary>
    public static void WriteGet(NetlinkWriter writer, int index)
    {
        writer.Begin(RTM_GETLINK, NLM_F_ACK);
        MemoryMarshal.Write(writer.Fixed(InfoLength)[4..], index);
        writer.End();
    }

    /// <summary>Asks for one link by its name.</summary>
    public static void WriteGet(NetlinkWriter writer, string name)
    {
        writer.Begin(RTM_GETLINK, NLM_F_ACK);
        writer.Fixed(InfoLength);
        writer.Text(IFLA_IFNAME, name);
        writer.End();
    }

    /// <summary>struct rtnl_link_stats64: received and sent packets and bytes, errors both ways, drops both ways.</summary>
    public static LinkStatistics? ReadStatistics(ReadOnlySpan<byte> payload) =>
        payload.Length > InfoLength && new NetlinkAttributes(payload[InfoLength..])[IFLA_STATS64] is { Length: >= 64 } numbers
            ? new(MemoryMarshal.Read<long>(numbers), MemoryMarshal.Read<long>(numbers[8..]), MemoryMarshal.Read<long>(numbers[56..]))
            : null;

    public static void WriteDelete(NetlinkWriter writer, string name)
    {
        writer.Begin(RTM_DELLINK, NLM_F_ACK);
        writer.Fixed(InfoLength);
        writer.Text(IFLA_IFNAME, name);
        writer.End();
    }

    public static void WriteSet(NetlinkWriter writer, LinkSettings settings, Func<string, int> indexOf)
    {
        writer.Begin(RTM_NEWLINK, NLM_F_ACK);
        var info = writer.Fixed(InfoLength);
        if (settings.Up is { } up)
        {
            MemoryMarshal.Write(info[8..], up ? IFF_UP : 0);
            MemoryMarshal.Write(info[12..], IFF_UP);
        }

        writer.Text(IFLA_IFNAME, settings.Name);
        if (settings.Address is { } address)
        {
            writer.Bytes(IFLA_ADDRESS, address.ToArray());
        }

        if (settings.Mtu is { } mtu)
        {
            writer.Number(IFLA_MTU, (uint)mtu);
        }

        if (settings.TransmitQueueLength is { } queue)
        {
            writer.Number(IFLA_TXQLEN, (uint)queue);
        }

        if (settings.Master is { } master)
        {
            writer.Number(IFLA_MASTER, (uint)(master.Length == 0 ? 0 : indexOf(master)));
        }

        if (settings.NoAddressGeneration)
        {
            var families = writer.BeginNested(IFLA_AF_SPEC);
            var inet6 = writer.BeginNested(AF_INET6_BYTE);
            writer.Byte(IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
            writer.EndNested(inet6);
            writer.EndNested(families);
        }

        writer.End();
    }

    /// <summary>What the tunnel has to look like in the kernel.</summary>
    public static TunnelParameters Parameters(Ip6Tunnel tunnel, int underlayIndex) =>
        new(tunnel.Local, tunnel.Remote, underlayIndex, IPPROTO_IPV6_BYTE, HopLimit, HasEncapsulationLimit: false);

    private static TunnelParameters ReadTunnel(NetlinkAttributes data) => new(
        data.Address(IFLA_IPTUN_LOCAL) ?? Ipv6Address.Unspecified,
        data.Address(IFLA_IPTUN_REMOTE) ?? Ipv6Address.Unspecified,
        (int)data.Number(IFLA_IPTUN_LINK),
        data.Byte(IFLA_IPTUN_PROTO),
        data.Byte(IFLA_IPTUN_TTL),
        (data.Number(IFLA_IPTUN_FLAGS) & IP6_TNL_F_IGN_ENCAP_LIMIT) == 0);
}
