using CsCheck;

namespace Kagemusha.Wire.Tests;

public class PropertyTests
{
    private static readonly Gen<Ipv6Address> Address = Gen.Select(Gen.ULong, Gen.ULong, (high, low) => new Ipv6Address(new(high, low)));

    private static readonly Gen<Ipv6Address> Unicast = Address.Where(address => !address.IsMulticast);

    private static readonly Gen<Ipv6Address> Specified = Address.Where(address => !address.IsUnspecified);

    private static readonly Gen<LinkLayerAddress> LinkLayer = Gen.ULong.Select(bits => new LinkLayerAddress(bits >> 16));

    private static readonly Gen<Ipv6Address?> Perhaps =
        Gen.Select(Gen.Bool, Address, (some, address) => some ? address : (Ipv6Address?)null);

    private static readonly Gen<MobilityOption> MobilityOptions = Gen.OneOf<MobilityOption>(
        Gen.UShort.Select(interval => (MobilityOption)new BindingRefreshAdvice(interval)),
        Address.Select(address => (MobilityOption)new AlternateCareOfAddress(address)),
        Gen.Select(Gen.Byte[4, 255], Gen.Byte.Array[0, 255], (type, data) => (MobilityOption)new UnknownMobilityOption(type, [.. data])));

    private static readonly Gen<WireArray<MobilityOption>> SomeMobilityOptions =
        MobilityOptions.Array[0, 6].Select(options => (WireArray<MobilityOption>)[.. options]);

    private static readonly Gen<MobilityMessage> MobilityMessages = Gen.OneOf(
        SomeMobilityOptions.Select(options => (MobilityMessage)new BindingRefreshRequest(options)),
        Gen.Select(Gen.UShort, Gen.UShort, Gen.UShort, SomeMobilityOptions, (sequence, flags, lifetime, options) =>
            (MobilityMessage)new BindingUpdate(sequence, (BindingUpdateFlags)flags, lifetime, options)),
        Gen.Select(Gen.Byte, Gen.Byte, Gen.UShort, Gen.UShort, SomeMobilityOptions, (status, flags, sequence, lifetime, options) =>
            (MobilityMessage)new BindingAcknowledgement(
                (BindingStatus)status, (BindingAcknowledgementFlags)flags, sequence, lifetime, options)),
        Gen.Select(Gen.Byte, Address, SomeMobilityOptions, (status, home, options) =>
            (MobilityMessage)new BindingError((BindingErrorStatus)status, home, options)),
        Gen.Select(Gen.Byte, Gen.UShort, Gen.UShort, SomeMobilityOptions, (trigger, sequence, flags, options) =>
            (MobilityMessage)new BindingRevocationIndication((RevocationTrigger)trigger, sequence, (RevocationFlags)flags, options)),
        Gen.Select(Gen.Byte, Gen.UShort, Gen.UShort, SomeMobilityOptions, (status, sequence, flags, options) =>
            (MobilityMessage)new BindingRevocationAcknowledgement((RevocationStatus)status, sequence, (RevocationFlags)flags, options)),
        Gen.Select(Gen.OneOf(Gen.Byte[1, 4], Gen.Byte[8, 15], Gen.Byte[17, 255]), Gen.Int[0, 255], Gen.Byte, (type, units, fill) =>
            (MobilityMessage)new UnknownMobilityMessage(type, [.. Enumerable.Repeat(fill, 8 * units + 2)])));

    private static readonly Gen<MobilityPacket> MobilityPackets = Gen.Select(Address, Address, Perhaps, Perhaps, MobilityMessages,
        (source, destination, sender, receiver, message) => new MobilityPacket(source, destination, sender, receiver, message));

    private static readonly Gen<NeighbourDiscoveryOption> DiscoveryOptions = Gen.OneOf(
        LinkLayer.Select(address => (NeighbourDiscoveryOption)new SourceLinkLayerAddress(address)),
        LinkLayer.Select(address => (NeighbourDiscoveryOption)new TargetLinkLayerAddress(address)),
        Gen.Select(Gen.Byte, Gen.Byte, Gen.UInt, Gen.UInt, Address, (length, flags, valid, preferred, prefix) =>
            (NeighbourDiscoveryOption)new PrefixInformation(length, (PrefixFlags)flags, valid, preferred, prefix) { Reserved = valid ^ preferred }),
        Gen.Select(Gen.UShort, Gen.UInt, (reserved, mtu) => (NeighbourDiscoveryOption)new Mtu(mtu) { Reserved = reserved }),
        Gen.Select(Gen.UShort, Gen.UShort, (preference, lifetime) =>
            (NeighbourDiscoveryOption)new HomeAgentInformation(preference, lifetime) { Reserved = lifetime }),
        Gen.Select(Gen.Byte[9, 255], Gen.Int[1, 255], Gen.Byte, Unknown),
        // One unit more than any known type has.
        Gen.Select(Gen.Byte[0, 8], Gen.Int[5, 255], Gen.Byte, Unknown));

    private static readonly Gen<WireArray<NeighbourDiscoveryOption>> SomeDiscoveryOptions =
        DiscoveryOptions.Array[0, 6].Select(options => (WireArray<NeighbourDiscoveryOption>)[.. options]);

    private static readonly Gen<NeighbourDiscoveryPacket> DiscoveryPackets = Gen.OneOf(
        Gen.Select(Specified, Address, SomeDiscoveryOptions, (source, destination, options) =>
            new NeighbourDiscoveryPacket(source, destination, new RouterSolicitation(options))),
        Gen.Select(Gen.ULong, Address, Gen.Select(Gen.Byte, Gen.Byte, Gen.UShort, Gen.UInt, Gen.UInt), SomeDiscoveryOptions,
            (source, destination, fields, options) => new NeighbourDiscoveryPacket(
                new(new UInt128(0xfe80UL << 48, source)),
                destination,
                new RouterAdvertisement(
                    fields.Item1, (RouterAdvertisementFlags)fields.Item2, fields.Item3, fields.Item4, fields.Item5, options))),
        Gen.Select(Specified, Address, Unicast, SomeDiscoveryOptions, (source, destination, target, options) =>
            new NeighbourDiscoveryPacket(source, destination, new NeighbourSolicitation(target, options))),
        Unicast.Select(target =>
            new NeighbourDiscoveryPacket(Ipv6Address.Unspecified, target.SolicitedNode, new NeighbourSolicitation(target, []))),
        Gen.Select(Address, Unicast, Unicast, Gen.Byte, SomeDiscoveryOptions, (source, destination, target, flags, options) =>
            new NeighbourDiscoveryPacket(
                source, destination, new NeighbourAdvertisement(target, (NeighbourAdvertisementFlags)flags, options))));

    private static readonly Gen<MobilityIcmpMessage> MobilityIcmpMessages = Gen.OneOf(
        Gen.UShort.Select(identifier => (MobilityIcmpMessage)new HomeAgentAddressDiscoveryRequest(identifier)),
        Gen.Select(Gen.UShort, Address.Array[0, 5], (identifier, addresses) =>
            (MobilityIcmpMessage)new HomeAgentAddressDiscoveryReply(identifier, [.. addresses])),
        Gen.UShort.Select(identifier => (MobilityIcmpMessage)new MobilePrefixSolicitation(identifier)),
        Gen.Select(Gen.UShort, Gen.UShort, SomeDiscoveryOptions, (identifier, flags, options) =>
            (MobilityIcmpMessage)new MobilePrefixAdvertisement(identifier, (MobilePrefixFlags)flags, options)));

    private static readonly Gen<MobilityIcmpPacket> MobilityIcmpPackets = Gen.Select(Address, Address, Perhaps, Perhaps, MobilityIcmpMessages,
        (source, destination, sender, receiver, message) => new MobilityIcmpPacket(source, destination, sender, receiver, message));

    // A sample with some bytes changed, and the checksum put right again or not.
    private static readonly Gen<(Sample Sample, byte[] Bytes)> Mutants = Gen.Select(
        Gen.OneOf(Samples.All.ToArray()), Gen.Select(Gen.Int[0, 200], Gen.Byte).Array[1, 4], Gen.Int[0, 120], Gen.Bool, Mutate);

    // RFC 6275, sections 6.1.1 and 6.2: what the bytes themselves say.
    [Fact]
    public void Mobility_headers_are_whole_and_their_options_aligned() => MobilityPackets.Sample(packet =>
    {
        var bytes = packet.ToArray();
        var header = bytes.AsSpan(40 + (packet.HomeAddressOption is null ? 0 : 24) + (packet.Type2RoutingHeader is null ? 0 : 24));
        Assert.Equal(59, header[0]);
        Assert.Equal(header.Length, 8 * (header[1] + 1));
        Assert.Equal(0, (bytes.Length - header.Length) % 8);
        if (packet.Message is UnknownMobilityMessage)
        {
            return;
        }

        for (var offset = header[2] switch { 0 => 8, 7 => 24, _ => 12 }; offset < header.Length;)
        {
            var (type, length) = (header[offset], header[offset] == 0 ? 1 : 2 + header[offset + 1]);
            Assert.Equal(type switch { 2 => offset & ~1, 3 => (offset & ~7) + 6, _ => offset }, offset);
            Assert.InRange(offset + length, 1, header.Length);
            offset += length;
        }
    }, iter: 20_000);

    [Fact]
    public void Written_mobility_packets_are_read_as_they_were() => MobilityPackets.Sample(packet =>
    {
        var bytes = packet.ToArray();
        Assert.Equal(packet.Length, bytes.Length);
        Assert.True(MobilityPacket.TryParse(bytes, out var read, out var error), error.ToString());
        Assert.Equal(packet, read);
    }, iter: 20_000);

    [Fact]
    public void Written_neighbour_discovery_packets_are_read_as_they_were() => DiscoveryPackets.Sample(packet =>
    {
        var bytes = packet.ToArray();
        Assert.Equal(packet.Length, bytes.Length);
        Assert.True(NeighbourDiscoveryPacket.TryParse(bytes, out var read, out var error), error.ToString());
        Assert.Equal(packet, read);
    }, iter: 20_000);

    [Fact]
    public void Written_discoveries_of_home_agents_and_prefixes_are_read_as_they_were() => MobilityIcmpPackets.Sample(packet =>
    {
        var bytes = packet.ToArray();
        Assert.Equal(packet.Length, bytes.Length);
        Assert.True(MobilityIcmpPacket.TryParse(bytes, out var read, out var error), error.ToString());
        Assert.Equal(packet, read);
    }, iter: 20_000);

    [Fact]
    public void A_router_advertisement_is_repeated_byte_for_byte() =>
        Gen.Select(
            Gen.Byte.Array[12],
            // Known types of their own length and of another, and unknown ones, whatever is in them.
            Gen.Select(Gen.OneOf(Gen.Byte[1, 8], Gen.Byte), Gen.Byte[1, 5], Gen.Byte.Array[38], (type, units, data) =>
                (byte[])[type, units, .. data.AsSpan(0, 8 * units - 2)]).Array[0, 6])
        .Sample((body, options) =>
        {
            byte[] bytes = [134, 0, 0, 0, .. body, .. options.SelectMany(option => option)];
            Assert.True(NeighbourDiscoveryMessage.TryParse(bytes, out var message, out var error), error.ToString());
            Assert.Equal(bytes, message.ToArray());
        }, iter: 20_000);

    [Fact]
    public void Random_bytes_are_read_or_refused_but_never_throw() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        ReadsOrSaysWhy(typeof(MobilityPacket), bytes);
        ReadsOrSaysWhy(typeof(MobilityIcmpPacket), bytes);
        ReadsOrSaysWhy(typeof(NeighbourDiscoveryPacket), bytes);
        _ = EthernetFrame.TryParse(bytes, out _, out _);
    }, iter: 50_000);

    [Fact]
    public void Changed_packets_are_read_or_refused_but_never_throw() =>
        Mutants.Sample(mutant => ReadsOrSaysWhy(mutant.Sample.Packet.GetType(), mutant.Bytes), iter: 200_000);

    private static void ReadsOrSaysWhy(Type kind, byte[] bytes)
    {
        var packet = Sample.Parse(kind, bytes, out var error);
        if (packet is null)
        {
            Assert.NotNull(error.What);
            Assert.InRange(error.Offset, 0, bytes.Length);
        }
        else
        {
            // What was understood is understood again when we write it.
            Assert.Equal(default, error);
            Assert.Equal(packet, Sample.Parse(kind, packet.ToArray(), out _));
        }
    }

    private static NeighbourDiscoveryOption Unknown(byte type, int units, byte fill) =>
        new UnknownNeighbourDiscoveryOption(type, [.. Enumerable.Repeat(fill, 8 * units - 2)]);

    private static (Sample Sample, byte[] Bytes) Mutate(Sample sample, (int Offset, byte Value)[] changes, int cut, bool repair)
    {
        var bytes = sample.Bytes[..Math.Min(sample.Packet.Length, Math.Max(sample.MessageOffset + 8, sample.Packet.Length + 20 - cut))];
        bytes[5] = (byte)(bytes.Length - 40);
        foreach (var (offset, value) in changes)
        {
            bytes[offset % bytes.Length] = value;
        }

        if (repair)
        {
            var (source, destination) = (Ipv6Address.Read(bytes.AsSpan(8)), Ipv6Address.Read(bytes.AsSpan(24)));
            var isMobility = sample.Packet is MobilityPacket;
            if (sample.HomeAddresses.Option is not null)
            {
                source = Ipv6Address.Read(bytes.AsSpan(sample.MessageOffset - 16));
            }

            if (sample.HomeAddresses.Routing is not null)
            {
                destination = Ipv6Address.Read(bytes.AsSpan(48));
            }

            Raw.WithChecksum(bytes[sample.MessageOffset..], isMobility ? 4 : 2, (byte)(isMobility ? 135 : 58), source, destination)
                .CopyTo(bytes, sample.MessageOffset);
        }

        return (sample, bytes);
    }
}
