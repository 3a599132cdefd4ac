namespace Kagemusha.Wire.Tests;

/// <summary>What is written to strangers, and read of them without a look at what they say.</summary>
public class StrangerPacketTests
{
    private const byte DestinationOptions = 60;
    private const byte Icmpv6 = 58;

    [Fact]
    public void A_parameter_problem_has_a_pointer_and_the_packet()
    {
        byte[] invoking = [.. Enumerable.Range(0, 60).Select(i => (byte)i)];
        var packet = new ParameterProblemPacket(Samples.HomeAgent, Samples.CareOf, 41, [.. invoking]);
        var message = Raw.WithChecksum([.. Raw.Bytes("0400 0000 00000029"), .. invoking], 2, Icmpv6, Samples.HomeAgent, Samples.CareOf);
        var dirty = Enumerable.Repeat((byte)0xa5, packet.Length).ToArray();
        packet.WriteTo(dirty);
        Assert.Equal(Raw.Ipv6(64, Icmpv6, Samples.HomeAgent, Samples.CareOf, message), dirty);
    }

    [Fact]
    public void Of_a_long_packet_it_has_what_fits_into_every_path()
    {
        var packet = new ParameterProblemPacket(Samples.HomeAgent, Samples.CareOf, 40, [.. new byte[2000]]);
        Assert.Equal(Ipv6Packet.MinimumMtu, packet.ToArray().Length);
    }

    [Fact]
    public void A_home_address_option_is_read_whatever_is_behind_it()
    {
        byte[] option = [.. Raw.Bytes("11 02 01020000 c910"), .. Samples.Home.ToArray()];
        Assert.True(HomeAddressPacket.TryParse(
            Raw.Ipv6(64, DestinationOptions, Samples.CareOf, Samples.HomeAgent, [.. option, 1, 2, 3]), out var packet, out _));
        Assert.Equal(new(Samples.CareOf, Samples.HomeAgent, Samples.Home, (NextHeader)17), packet);
    }

    [Fact]
    public void Without_one_there_is_nothing_to_read()
    {
        Assert.False(HomeAddressPacket.TryParse(Raw.Ipv6(64, 17, Samples.CareOf, Samples.HomeAgent, [1, 2, 3]), out var packet, out var error));
        Assert.Null(packet);
        Assert.Equal(new WireError("packet has no home address option", 40), error);
        Assert.False(HomeAddressPacket.TryParse([0x60], out _, out _));
    }

    [Fact]
    public void Addresses_are_read_of_any_packet_that_has_them()
    {
        var bytes = Raw.Ipv6(64, 17, Samples.CareOf, Samples.HomeAgent, []);
        Assert.Equal((Samples.CareOf, Samples.HomeAgent), Ipv6Packet.ReadAddresses(bytes));
        Assert.Null(Ipv6Packet.ReadAddresses(bytes.AsSpan(1)));
    }
}
