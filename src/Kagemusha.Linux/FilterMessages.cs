using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>The clsact queueing discipline and its filters in rtnetlink's messages: struct tcmsg and TCA attributes.</summary>
internal static class FilterMessages
{
    private const int InfoLength = 20;
    private const int SelectorLength = 16;
    private const int KeyLength = 16;

    private static readonly byte[] EveryBit = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

    public static void WriteQdiscDump(NetlinkWriter writer)
    {
        writer.Begin(RTM_GETQDISC, NLM_F_DUMP);
        writer.Fixed(InfoLength);
        writer.End();
    }

    /// <summary>Reads where a clsact is; null for other queueing disciplines.</summary>
    public static ClassifierMessage? ReadClassifier(ReadOnlySpan<byte> payload) =>
        payload.Length >= InfoLength && new NetlinkAttributes(payload[InfoLength..]).Text(TCA_KIND) == "clsact"
            ? new(MemoryMarshal.Read<int>(payload[4..]))
            : null;

    public static void WriteClassifier(NetlinkWriter writer, bool delete, int link)
    {
        writer.Begin(delete ? RTM_DELQDISC : RTM_NEWQDISC, delete ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
        Header(writer, link, delete ? 0 : TC_H_CLSACT_HANDLE, TC_H_CLSACT, 0);
        writer.Text(TCA_KIND, "clsact");
        writer.End();
    }

    public static void WriteDump(NetlinkWriter writer, FilterHook hook, int link)
    {
        writer.Begin(RTM_GETTFILTER, NLM_F_DUMP);
        Header(writer, link, 0, Parent(hook), 0);
        writer.End();
    }

    /// <summary>Reads a filter; null for the parts of a classifier that are none.</summary>
    public static FilterMessage? Read(ReadOnlySpan<byte> payload, string link, FilterHook hook, byte protocol, Func<int, string?> nameOf)
    {
        if (payload.Length < InfoLength)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[InfoLength..]);
        var handle = MemoryMarshal.Read<uint>(payload[8..]);
        var info = MemoryMarshal.Read<uint>(payload[16..]);
        var kind = attributes.Text(TCA_KIND) ?? "";
        var options = attributes.Nested(TCA_OPTIONS);

        // A u32 hash table has a handle without a node.
        if (handle == 0 || (kind == "u32" && (handle & 0xfff) == 0))
        {
            return null;
        }

        var etherType = BinaryPrimitives.ReverseEndianness((ushort)info);
        var match = (kind, etherType) switch
        {
            ("flower", _) => ReadFlower(options, etherType),
            ("u32", ETH_P_IPV6) => ReadU32(options[TCA_U32_SEL]),
            _ => null,
        };
        var actions = options.Nested(kind == "u32" ? TCA_U32_ACT : TCA_FLOWER_ACT);
        var action = FilterActions.Read(actions, out var target);
        return new(
            new(link, hook, (ushort)(info >> 16), action is null || match is null ? new UnknownMatch(kind, etherType) : match, action ?? FilterAction.Pass)
            {
                Target = target == 0 ? null : nameOf(target),
                Handle = kind == "flower" ? handle : Filter.FirstHandle,
            },
            FilterActions.AreMarked(actions, protocol));
    }

    public static void Write(NetlinkWriter writer, Filter filter, ChangeKind kind, Func<string, int> indexOf, byte protocol)
    {
        var (type, flags) = kind switch
        {
            ChangeKind.Delete => (RTM_DELTFILTER, (ushort)0),
            ChangeKind.Replace => (RTM_NEWTFILTER, NLM_F_CREATE),
            _ => (RTM_NEWTFILTER, (ushort)(NLM_F_CREATE | NLM_F_EXCL)),
        };

        // A flower filter is replaced in place, which takes a handle; u32 makes its own. A deletion without one is that of all of the priority.
        var handle = filter.Match is U32Match or UnknownMatch ? 0 : filter.Handle;
        var info = (uint)filter.Priority << 16 | BinaryPrimitives.ReverseEndianness(filter.Match.Protocol);
        writer.Begin(type, NLM_F_ACK | flags);
        Header(writer, indexOf(filter.Link), handle, Parent(filter.Hook), info);
        if (kind != ChangeKind.Delete)
        {
            writer.Text(TCA_KIND, filter.Match is U32Match ? "u32" : "flower");
            var options = writer.BeginNested(TCA_OPTIONS);
            switch (filter.Match)
            {
                case U32Match match:
                    writer.Bytes(TCA_U32_SEL, Selector(match));
                    FilterActions.Write(writer, TCA_U32_ACT, filter, indexOf, protocol);
                    break;
                case FlowerMatch match:
                    WriteFlower(writer, match);
                    FilterActions.Write(writer, TCA_FLOWER_ACT, filter, indexOf, protocol);
                    break;
                default:
                    FilterActions.Write(writer, TCA_FLOWER_ACT, filter, indexOf, protocol);
                    break;
            }

            writer.EndNested(options);
        }

        writer.End();
    }

    private static void Header(NetlinkWriter writer, int link, uint handle, uint parent, uint info)
    {
        var header = writer.Fixed(InfoLength);
        MemoryMarshal.Write(header[4..], link);
        MemoryMarshal.Write(header[8..], handle);
        MemoryMarshal.Write(header[12..], parent);
        MemoryMarshal.Write(header[16..], info);
    }

    private static uint Parent(FilterHook hook) => hook == FilterHook.Ingress ? TC_H_CLSACT_INGRESS : TC_H_CLSACT_EGRESS;

    private static void WriteFlower(NetlinkWriter writer, FlowerMatch match)
    {
        Span<byte> etherType = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(etherType, ETH_P_IPV6);
        writer.Bytes(TCA_FLOWER_KEY_ETH_TYPE, etherType);
        if (match.DestinationLinkLayer is { } linkLayer)
        {
            writer.Bytes(TCA_FLOWER_KEY_ETH_DST, linkLayer.ToArray());
            writer.Bytes(TCA_FLOWER_KEY_ETH_DST_MASK, EveryBit);
        }

        if (match.IpProtocol is { } protocol)
        {
            writer.Byte(TCA_FLOWER_KEY_IP_PROTO, protocol);
        }

        if (match.Source is { } source)
        {
            writer.Address(TCA_FLOWER_KEY_IPV6_SRC, source.Address);
            writer.Address(TCA_FLOWER_KEY_IPV6_SRC_MASK, Mask(source.Length));
        }

        if (match.Destination is { } destination)
        {
            writer.Address(TCA_FLOWER_KEY_IPV6_DST, destination.Address);
            writer.Address(TCA_FLOWER_KEY_IPV6_DST_MASK, Mask(destination.Length));
        }
    }

    private static FilterMatch? ReadFlower(NetlinkAttributes options, ushort etherType) => etherType switch
    {
        ETH_P_ALL when !options.Has(TCA_FLOWER_KEY_ETH_TYPE) => new AnyMatch(),
        ETH_P_IPV6 => new FlowerMatch
        {
            DestinationLinkLayer = options.LinkLayer(TCA_FLOWER_KEY_ETH_DST),
            Source = options.Prefix(TCA_FLOWER_KEY_IPV6_SRC, Length(options.Address(TCA_FLOWER_KEY_IPV6_SRC_MASK))),
            Destination = options.Prefix(TCA_FLOWER_KEY_IPV6_DST, Length(options.Address(TCA_FLOWER_KEY_IPV6_DST_MASK))),
            IpProtocol = options.Has(TCA_FLOWER_KEY_IP_PROTO) ? options.Byte(TCA_FLOWER_KEY_IP_PROTO) : null,
        },
        _ => null,
    };

    private static Ipv6Address Mask(int length) => new(length == 0 ? 0 : UInt128.MaxValue << (128 - length));

    private static int Length(Ipv6Address? mask) => mask is { } known ? (int)UInt128.LeadingZeroCount(~known.Bits) : 0;

    /// <summary>struct tc_u32_sel and its keys: flags, offshift, nkeys, ..., then mask and value in network order, offset, offset mask.</summary>
    private static byte[] Selector(U32Match match)
    {
        var selector = new byte[SelectorLength + KeyLength * (match.Second is null ? 1 : 2)];
        selector[0] = TC_U32_TERMINAL;
        selector[2] = (byte)(match.Second is null ? 1 : 2);
        WriteKey(selector.AsSpan(SelectorLength), match.First);
        if (match.Second is { } second)
        {
            WriteKey(selector.AsSpan(SelectorLength + KeyLength), second);
        }

        return selector;
    }

    private static void WriteKey(Span<byte> bytes, U32Key key)
    {
        BinaryPrimitives.WriteUInt32BigEndian(bytes, key.Mask);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], key.Value);
        MemoryMarshal.Write(bytes[8..], key.Offset);
    }

    private static U32Match? ReadU32(ReadOnlySpan<byte> selector) => selector switch
    {
        { Length: SelectorLength + KeyLength } => new(ReadKey(selector[SelectorLength..])),
        { Length: SelectorLength + 2 * KeyLength } => new(ReadKey(selector[SelectorLength..]), ReadKey(selector[(SelectorLength + KeyLength)..])),
        _ => null,
    };

    private static U32Key ReadKey(ReadOnlySpan<byte> bytes) => new(
        MemoryMarshal.Read<int>(bytes[8..]),
        BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
        BinaryPrimitives.ReadUInt32BigEndian(bytes));
}

/// <summary>A clsact as the kernel tells it.</summary>
internal sealed record ClassifierMessage(int Link);

/// <summary>A filter as the kernel tells it.</summary>
internal sealed record FilterMessage(Filter Filter, bool IsMarked);
