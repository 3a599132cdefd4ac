using System.Runtime.InteropServices;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>Addresses, routes, rules and neighbours in rtnetlink's messages.</summary>
internal static class RouteMessages
{
    private const int AddressLength = 8;
    private const int RouteLength = 12;
    private const int NeighbourLength = 12;
    private const int RuleLength = 12;

    public static void WriteAddressDump(NetlinkWriter writer)
    {
        writer.Begin(RTM_GETADDR, NLM_F_DUMP);
        writer.Fixed(AddressLength)[0] = AF_INET6_BYTE;
        writer.End();
    }

    public static AddressMessage? ReadAddress(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < AddressLength || payload[0] != AF_INET6_BYTE)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[AddressLength..]);
        return (attributes.Address(IFA_LOCAL) ?? attributes.Address(IFA_ADDRESS)) is { } address
            ? new(MemoryMarshal.Read<int>(payload[4..]), address, payload[1], attributes.Number(IFA_FLAGS), ReadValidLifetime(attributes[IFA_CACHEINFO]))
            : null;
    }

    // struct ifa_cacheinfo: preferred and valid lifetime in seconds, all ones for ever, and when they were set.
    private static uint ReadValidLifetime(ReadOnlySpan<byte> cacheInfo) =>
        cacheInfo.Length >= 2 * sizeof(uint) ? MemoryMarshal.Read<uint>(cacheInfo[sizeof(uint)..]) : uint.MaxValue;

    public static void WriteAddress(NetlinkWriter writer, LinkAddress address, bool delete, int link)
    {
        writer.Begin(delete ? RTM_DELADDR : RTM_NEWADDR, delete ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        var header = writer.Fixed(AddressLength);
        header[0] = AF_INET6_BYTE;
        header[1] = (byte)address.PrefixLength;
        MemoryMarshal.Write(header[4..], link);
        writer.Address(IFA_LOCAL, address.Value);
        writer.Address(IFA_ADDRESS, address.Value);
        if (!delete)
        {
            writer.Number(IFA_FLAGS, IFA_F_NODAD);
        }

        writer.End();
    }

    public static void WriteRouteDump(NetlinkWriter writer, byte protocol)
    {
        writer.Begin(RTM_GETROUTE, NLM_F_DUMP);
        var header = writer.Fixed(RouteLength);
        header[0] = AF_INET6_BYTE;
        header[5] = protocol;
        writer.End();
    }

    public static RouteMessage? ReadRoute(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < RouteLength || payload[0] != AF_INET6_BYTE)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[RouteLength..]);
        return new(
            payload[7],
            payload[5],
            attributes.Has(RTA_TABLE) ? attributes.Number(RTA_TABLE) : payload[4],
            attributes.Prefix(RTA_DST, payload[1]) ?? default,
            attributes.Prefix(RTA_SRC, payload[2]),
            attributes.Number(RTA_PRIORITY),
            (int)attributes.Number(RTA_OIF),
            attributes.Address(RTA_GATEWAY),
            attributes.Address(RTA_PREFSRC),
            (int)attributes.Nested(RTA_METRICS).Number(RTAX_MTU));
    }

    public static void WriteRoute(NetlinkWriter writer, Route route, ChangeKind kind, int link, byte protocol)
    {
        var (type, flags) = kind switch
        {
            ChangeKind.Delete => (RTM_DELROUTE, (ushort)0),
            ChangeKind.Replace => (RTM_NEWROUTE, (ushort)(NLM_F_CREATE | NLM_F_REPLACE)),
            _ => (RTM_NEWROUTE, (ushort)(NLM_F_CREATE | NLM_F_EXCL)),
        };
        writer.Begin(type, NLM_F_ACK | flags);
        var header = writer.Fixed(RouteLength);
        header[0] = AF_INET6_BYTE;
        header[1] = (byte)route.Destination.Length;
        header[2] = (byte)(route.Source?.Length ?? 0);
        header[4] = (byte)(route.Table < 256 ? route.Table : 0);
        header[5] = protocol;
        header[7] = route switch
        {
            { IsThrown: true } => RTN_THROW,
            { Link: null } => RTN_UNREACHABLE,
            _ => RTN_UNICAST,
        };
        writer.Address(RTA_DST, route.Destination.Address);
        if (route.Source is { } source)
        {
            writer.Address(RTA_SRC, source.Address);
        }

        writer.Number(RTA_TABLE, route.Table);
        writer.Number(RTA_PRIORITY, route.Metric);
        if (route.Link is not null)
        {
            writer.Number(RTA_OIF, (uint)link);
        }

        if (route.Gateway is { } gateway)
        {
            writer.Address(RTA_GATEWAY, gateway);
        }

        writer.End();
    }

    public static void WriteLookup(NetlinkWriter writer, Ipv6Address destination, Ipv6Address? source, int link)
    {
        writer.Begin(RTM_GETROUTE, NLM_F_ACK);
        var header = writer.Fixed(RouteLength);
        header[0] = AF_INET6_BYTE;
        header[1] = 128;
        header[2] = (byte)(source is null ? 0 : 128);
        writer.Address(RTA_DST, destination);
        if (source is { } from)
        {
            writer.Address(RTA_SRC, from);
        }

        if (link != 0)
        {
            writer.Number(RTA_OIF, (uint)link);
        }

        writer.End();
    }

    public static void WriteRuleDump(NetlinkWriter writer)
    {
        writer.Begin(RTM_GETRULE, NLM_F_DUMP);
        writer.Fixed(RuleLength)[0] = AF_INET6_BYTE;
        writer.End();
    }

    public static Rule? ReadRule(ReadOnlySpan<byte> payload, byte protocol)
    {
        if (payload.Length < RuleLength || payload[0] != AF_INET6_BYTE || payload[7] != FR_ACT_TO_TBL)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[RuleLength..]);
        return attributes.Byte(FRA_PROTOCOL) != protocol
            ? null
            : new(attributes.Number(FRA_PRIORITY), attributes.Has(FRA_TABLE) ? attributes.Number(FRA_TABLE) : payload[4])
            {
                Source = attributes.Prefix(FRA_SRC, payload[2]),
                Destination = attributes.Prefix(FRA_DST, payload[1]),
                InputLink = attributes.Text(FRA_IIFNAME),
            };
    }

    public static void WriteRule(NetlinkWriter writer, Rule rule, bool delete, byte protocol)
    {
        writer.Begin(delete ? RTM_DELRULE : RTM_NEWRULE, delete ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        var header = writer.Fixed(RuleLength);
        header[0] = AF_INET6_BYTE;
        header[1] = (byte)(rule.Destination?.Length ?? 0);
        header[2] = (byte)(rule.Source?.Length ?? 0);
        header[4] = (byte)(rule.Table < 256 ? rule.Table : 0);
        header[7] = FR_ACT_TO_TBL;
        writer.Number(FRA_PRIORITY, rule.Priority);
        writer.Number(FRA_TABLE, rule.Table);
        writer.Byte(FRA_PROTOCOL, protocol);
        if (rule.Source is { } source)
        {
            writer.Address(FRA_SRC, source.Address);
        }

        if (rule.Destination is { } destination)
        {
            writer.Address(FRA_DST, destination.Address);
        }

        if (rule.InputLink is { } link)
        {
            writer.Text(FRA_IIFNAME, link);
        }

        writer.End();
    }

    public static void WriteNeighbourDump(NetlinkWriter writer)
    {
        writer.Begin(RTM_GETNEIGH, NLM_F_DUMP);
        writer.Fixed(NeighbourLength)[0] = AF_INET6_BYTE;
        writer.End();
    }

    /// <summary>Reads permanent entries; others are the kernel's own.</summary>
    public static NeighbourMessage? ReadNeighbour(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < NeighbourLength || payload[0] != AF_INET6_BYTE)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[NeighbourLength..]);
        var isPermanent = (MemoryMarshal.Read<ushort>(payload[8..]) & NUD_PERMANENT) != 0;
        return isPermanent && attributes.Address(NDA_DST) is { } address && attributes.LinkLayer(NDA_LLADDR) is { } linkLayer
            ? new(MemoryMarshal.Read<int>(payload[4..]), address, linkLayer, attributes.Byte(NDA_PROTOCOL))
            : null;
    }

    /// <summary>Writes a permanent entry.</summary>
    public static void WriteNeighbour(NetlinkWriter writer, Ipv6Address address, LinkLayerAddress linkLayer, bool delete, int link, byte protocol)
    {
        writer.Begin(delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        var header = writer.Fixed(NeighbourLength);
        header[0] = AF_INET6_BYTE;
        MemoryMarshal.Write(header[4..], link);
        MemoryMarshal.Write(header[8..], NUD_PERMANENT);
        writer.Address(NDA_DST, address);
        writer.Bytes(NDA_LLADDR, linkLayer.ToArray());
        if (!delete)
        {
            writer.Byte(NDA_PROTOCOL, protocol);
        }

        writer.End();
    }
}

/// <summary>An address as the kernel tells it.</summary>
internal sealed record AddressMessage(int Link, Ipv6Address Address, int PrefixLength, uint Flags, uint ValidLifetime)
{
    public InterfaceAddress ToAddress() => new(Link, Address, PrefixLength, (Flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) == 0)
    {
        ValidFor = ValidLifetime == uint.MaxValue ? null : TimeSpan.FromSeconds(ValidLifetime),
    };
}

/// <summary>A route as the kernel tells it.</summary>
internal sealed record RouteMessage(
    byte Type,
    byte Protocol,
    uint Table,
    Ipv6Prefix Destination,
    Ipv6Prefix? Source,
    uint Metric,
    int Link,
    Ipv6Address? Gateway,
    Ipv6Address? PreferredSource,
    int Mtu);

/// <summary>A permanent neighbour as the kernel tells it.</summary>
internal sealed record NeighbourMessage(int Link, Ipv6Address Address, LinkLayerAddress LinkLayerAddress, byte Protocol);
