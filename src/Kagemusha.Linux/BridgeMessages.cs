using System.Runtime.InteropServices;
using System.Text;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>Bridges' ports and forwarding entries in rtnetlink's messages: IFLA_BRPORT attributes, struct ndmsg of family AF_BRIDGE.</summary>
internal static class BridgeMessages
{
    private const int LinkLength = 16;
    private const int EntryLength = 12;

    public static BridgePortSettings? ReadPort(NetlinkAttributes linkInfo)
    {
        if (linkInfo.Text(IFLA_INFO_SLAVE_KIND) != "bridge")
        {
            return null;
        }

        var data = linkInfo.Nested(IFLA_INFO_SLAVE_DATA);
        return new(data.Byte(IFLA_BRPORT_LEARNING) != 0, data.Byte(IFLA_BRPORT_UNICAST_FLOOD) != 0, data.Byte(IFLA_BRPORT_MCAST_FLOOD) != 0, data.Byte(IFLA_BRPORT_BCAST_FLOOD) != 0);
    }

    public static void WritePort(NetlinkWriter writer, BridgePort port)
    {
        writer.Begin(RTM_NEWLINK, NLM_F_ACK);
        writer.Fixed(LinkLength);
        writer.Text(IFLA_IFNAME, port.Name);
        if (port.TransmitQueueLength is { } length)
        {
            writer.Number(IFLA_TXQLEN, (uint)length);
        }

        var info = writer.BeginNested(IFLA_LINKINFO);
        writer.Bytes(IFLA_INFO_SLAVE_KIND, Encoding.ASCII.GetBytes("bridge"));
        var data = writer.BeginNested(IFLA_INFO_SLAVE_DATA);
        Flag(IFLA_BRPORT_LEARNING, port.Learning);
        Flag(IFLA_BRPORT_UNICAST_FLOOD, port.UnicastFlood);
        Flag(IFLA_BRPORT_MCAST_FLOOD, port.MulticastFlood);
        Flag(IFLA_BRPORT_BCAST_FLOOD, port.BroadcastFlood);
        writer.EndNested(data);
        writer.EndNested(info);
        writer.End();

        void Flag(ushort type, bool? value)
        {
            if (value is { } on)
            {
                writer.Byte(type, on ? (byte)1 : (byte)0);
            }
        }
    }

    /// <summary>Asks for the entries of one port.</summary>
    public static void WriteEntryDump(NetlinkWriter writer, int port)
    {
        writer.Begin(RTM_GETNEIGH, NLM_F_DUMP);
        var header = writer.Fixed(EntryLength);
        header[0] = AF_BRIDGE_BYTE;
        MemoryMarshal.Write(header[4..], port);
        writer.End();
    }

    /// <summary>
    /// Reads sticky entries and such as are learnt. Of other kinds none is ours: the port's own address, static ones, those of the link itself.
    /// For each entry there are copies for the port's VLANs, which the kernel keeps together.
    /// </summary>
    public static ForwardingMessage? ReadEntry(ReadOnlySpan<byte> payload)
    {
        if (payload.Length < EntryLength || payload[0] != AF_BRIDGE_BYTE)
        {
            return null;
        }

        var attributes = new NetlinkAttributes(payload[EntryLength..]);
        var state = MemoryMarshal.Read<ushort>(payload[8..]);
        var isSticky = (payload[10] & NTF_STICKY) != 0;
        return attributes.Has(NDA_MASTER) && !attributes.Has(NDA_VLAN) && (state & NUD_PERMANENT) == 0 && (state & NUD_NOARP) != 0 == isSticky
            && attributes.LinkLayer(NDA_LLADDR) is { } address
            ? new(MemoryMarshal.Read<int>(payload[4..]), address, isSticky)
            : null;
    }

    public static void WriteEntry(NetlinkWriter writer, BridgeForwardingEntry entry, bool delete, int link)
    {
        writer.Begin(delete ? RTM_DELNEIGH : RTM_NEWNEIGH, delete ? NLM_F_ACK : NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
        var header = writer.Fixed(EntryLength);
        header[0] = AF_BRIDGE_BYTE;
        MemoryMarshal.Write(header[4..], link);
        MemoryMarshal.Write(header[8..], entry.IsSticky ? NUD_NOARP : NUD_REACHABLE);
        header[10] = (byte)(NTF_MASTER | (entry.IsSticky ? NTF_STICKY : 0));
        writer.Bytes(NDA_LLADDR, entry.Address.ToArray());
        writer.End();
    }
}

/// <summary>A forwarding entry as the kernel tells it.</summary>
internal sealed record ForwardingMessage(int Link, LinkLayerAddress Address, bool IsSticky);
