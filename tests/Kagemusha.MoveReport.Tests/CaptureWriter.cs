using System.Buffers.Binary;
using Kagemusha.Probe;
using Kagemusha.Wire;

namespace Kagemusha.MoveReport.Tests;

/// <summary>Makes captures as tcpdump does.</summary>
internal sealed class CaptureWriter
{
    public const ulong Session = 0x1122334455667788;

    private readonly List<(long At, byte[] Data)> _packets = [];

    public static Ipv6Address Correspondent { get; } = Ipv6Address.Parse("2001:db8:f2::2");

    public static Ipv6Address Guest { get; } = Ipv6Address.Parse("2001:db8:1::10");

    public void Add(long at, byte[] data) => _packets.Add((at, data));

    public void Write(string path, uint magic = PcapFile.Nanoseconds)
    {
        using var file = File.Create(path);
        Span<byte> header = stackalloc byte[PcapFile.FileHeader];
        BinaryPrimitives.WriteUInt32LittleEndian(header, magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[4..], 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header[6..], 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], 192);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], PcapFile.LinuxCookedV2);
        file.Write(header);
        foreach (var (at, data) in _packets.OrderBy(packet => packet.At))
        {
            var packet = header[..PcapFile.PacketHeader];
            BinaryPrimitives.WriteUInt32LittleEndian(packet, (uint)(at / 1_000_000_000));
            BinaryPrimitives.WriteUInt32LittleEndian(packet[4..], (uint)(at % 1_000_000_000 / (magic == PcapFile.Microseconds ? 1000 : 1)));
            BinaryPrimitives.WriteUInt32LittleEndian(packet[8..], (uint)data.Length);
            BinaryPrimitives.WriteUInt32LittleEndian(packet[12..], (uint)data.Length);
            file.Write(packet);
            file.Write(data);
        }
    }

    /// <summary>A probe between the correspondent and the guest: UDP over IPv6.</summary>
    public static byte[] Probe(ProbeDirection direction, int sequence, ulong session = Session)
    {
        var udp = new byte[8 + ProbePacket.Length];
        BinaryPrimitives.WriteUInt16BigEndian(udp, ProbePacket.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(2), ProbePacket.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp.AsSpan(4), (ushort)udp.Length);
        new ProbePacket(direction, session, 1, sequence).WriteTo(udp.AsSpan(8));
        return direction == ProbeDirection.ToGuest ? Ipv6(Correspondent, Guest, 17, udp) : Ipv6(Guest, Correspondent, 17, udp);
    }

    /// <summary>The guest's Binding Update from a care-of address.</summary>
    public static byte[] Update(Ipv6Address careOf, Ipv6Address homeAgent, ushort sequence, Ipv6Address? guest = null) =>
        new MobilityPacket(careOf, homeAgent, guest ?? Guest, null,
            new BindingUpdate(sequence, BindingUpdateFlags.Acknowledge | BindingUpdateFlags.HomeRegistration, 150, [])).ToArray();

    /// <summary>The home agent's answer to it.</summary>
    public static byte[] Acknowledgement(Ipv6Address homeAgent, Ipv6Address careOf, BindingStatus status, ushort sequence) =>
        new MobilityPacket(homeAgent, careOf, null, Guest, new BindingAcknowledgement(status, default, sequence, 150, [])).ToArray();

    /// <summary>An echo request or reply (RFC 4443, section 4).</summary>
    public static byte[] Echo(byte type, Ipv6Address source, Ipv6Address destination, ushort number) =>
        Ipv6(source, destination, 58, [type, 0, 0, 0, 0x12, 0x34, (byte)(number >> 8), (byte)number]);

    public static byte[] Ipv6(Ipv6Address source, Ipv6Address destination, byte nextHeader, byte[] payload)
    {
        var packet = new byte[40 + payload.Length];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)payload.Length);
        packet[6] = nextHeader;
        packet[7] = 64;
        source.WriteTo(packet.AsSpan(8));
        destination.WriteTo(packet.AsSpan(24));
        payload.CopyTo(packet, 40);
        return packet;
    }

    /// <summary>A packet on an interface.</summary>
    public static byte[] On(int index, bool outgoing, byte[] packet)
    {
        var data = new byte[ProbeDecoder.LinkHeader + packet.Length];
        BinaryPrimitives.WriteUInt16BigEndian(data, ProbeDecoder.EtherTypeIpv6);
        BinaryPrimitives.WriteInt32BigEndian(data.AsSpan(4), index);
        data[10] = outgoing ? ProbeDecoder.PACKET_OUTGOING : (byte)0;
        packet.CopyTo(data, ProbeDecoder.LinkHeader);
        return data;
    }
}
