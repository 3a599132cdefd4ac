using System.Buffers.Binary;
using CsCheck;
using Kagemusha.Wire;

namespace Kagemusha.Mobility.Tests;

public class RepeatedAdvertisementTests
{
    private const int TunnelMtu = 1460;

    private static readonly SourceLinkLayerAddress RouterMac = new(LinkLayerAddress.Parse("02:00:00:00:00:01"));

    private static readonly UnknownNeighbourDiscoveryOption Unknown = new(253, [1, 2, 3, 4, 5, 6]);

    private static readonly PrefixInformation Prefix = new(
        64, PrefixFlags.OnLink | PrefixFlags.Autonomous, 86400, 14400, Ipv6Address.Parse("2001:db8:1::"));

    private static readonly RouterAdvertisement Heard = new(
        64, RouterAdvertisementFlags.HomeAgent | RouterAdvertisementFlags.HighPreference, 1800, 30000, 1000, [Unknown, RouterMac, Prefix]);

    public static TheoryData<uint?, int, uint> Mtus => new()
    {
        { null, 1460, 1460 },
        { 1500, 1460, 1460 },
        { 9000, 1460, 1460 },
        { 1400, 1460, 1400 },
        { 1280, 1460, 1280 },
        { 1279, 1460, 1460 }, // Hosts ignore it.
        { 0, 1280, 1280 },
    };

    [Theory]
    [MemberData(nameof(Mtus))]
    public void The_MTU_is_lowered_in_its_place_or_added(uint? heard, int tunnel, uint told)
    {
        WireArray<NeighbourDiscoveryOption> before = heard is { } mtu ? [Unknown, new Mtu(mtu), RouterMac, Prefix] : Heard.Options;
        WireArray<NeighbourDiscoveryOption> after = heard is null ? [.. before, new Mtu(told)] : [Unknown, new Mtu(told), RouterMac, Prefix];

        Assert.Equal(Heard with { Options = after }, RepeatedAdvertisement.Create(Heard with { Options = before }, tunnel));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 900)]
    [InlineData(10, 900)]
    [InlineData(899, 900)]
    [InlineData(901, 901)]
    [InlineData(9000, 9000)]
    public void Lifetimes_that_are_about_to_end_are_raised(ushort heard, ushort told)
    {
        Assert.Equal(With(told), RepeatedAdvertisement.Create(With(heard), TunnelMtu));

        static RouterAdvertisement With(ushort lifetime) => Heard with
        {
            RouterLifetime = lifetime,
            Options =
            [
                Prefix with { ValidLifetime = lifetime, PreferredLifetime = lifetime },
                new HomeAgentInformation(10, lifetime),
                // A route, name servers and a search list.
                .. ((byte[])[24, 25, 31]).Select(type => new UnknownNeighbourDiscoveryOption(type, [48, 0x08, .. Bytes(lifetime), .. new byte[16]])),
                new Mtu(TunnelMtu),
            ],
        };
    }

    [Fact]
    public void Infinity_stays_and_so_does_a_prefix_that_is_not_to_be_preferred()
    {
        var prefix = Prefix with { ValidLifetime = uint.MaxValue, PreferredLifetime = 0 };
        Assert.Equal(prefix, RepeatedAdvertisement.Create(Heard with { Options = [prefix] }, TunnelMtu).Options[0]);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 113)] // 904 s
    [InlineData(112, 113)]
    [InlineData(113, 113)]
    [InlineData(0x1fff, 0x1fff)]
    public void The_lifetime_of_a_NAT64_prefix_is_in_units_of_eight_seconds(int heard, int told)
    {
        const int Length56 = 0b010;
        Assert.Equal(
            Pref64(told << 3 | Length56),
            RepeatedAdvertisement.Create(Heard with { Options = [Pref64(heard << 3 | Length56)] }, TunnelMtu).Options[0]);

        static UnknownNeighbourDiscoveryOption Pref64(int word) => new(38, [(byte)(word >> 8), (byte)word, 0x20, 1, 0xd, 0xb8, .. new byte[8]]);
    }

    [Theory]
    [InlineData(1000, 300_000)]
    [InlineData(600_000, 600_000)]
    public void The_interval_that_it_tells_is_ours_unless_it_is_longer(uint heard, uint told)
    {
        Assert.Equal(Interval(told), RepeatedAdvertisement.Create(Heard with { Options = [Interval(heard)] }, TunnelMtu).Options[0]);

        static UnknownNeighbourDiscoveryOption Interval(uint milliseconds) => new(7, [0, 0, .. Bytes(milliseconds)]);
    }

    [Fact]
    public void All_else_is_as_it_was_heard_byte_for_byte() =>
        Gen.Select(
            Gen.Byte.Array[12],
            Gen.Select(
                Gen.Byte.Where(type => type is not (3 or 5 or 7 or 8 or 24 or 25 or 31 or 38)),
                Gen.Byte[1, 5],
                Gen.Byte.Array[38],
                (type, units, data) => (byte[])[type, units, .. data.AsSpan(0, 8 * units - 2)]).Array[0, 6])
        .Sample((body, options) =>
        {
            body[2] |= 0x80; // The router's lifetime is long enough.
            byte[] bytes = [134, 0, 0, 0, .. body, .. options.SelectMany(option => option)];
            Assert.True(NeighbourDiscoveryMessage.TryParse(bytes, out var heard, out var error), error.ToString());
            Assert.Equal(
                (byte[])[.. bytes, 5, 1, 0, 0, .. Bytes(TunnelMtu)],
                RepeatedAdvertisement.Create((RouterAdvertisement)heard, TunnelMtu).ToArray());
        });

    private static byte[] Bytes(uint value)
    {
        var bytes = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    [Fact]
    public void The_home_agent_s_prefixes_take_the_place_of_the_router_s_and_others_stand_behind()
    {
        var shorter = Prefix with { ValidLifetime = 60, PreferredLifetime = 30 };
        var other = Prefix with { Prefix = Ipv6Address.Parse("2001:db8:2::") };

        var merged = RepeatedAdvertisement.Merge(
            Heard with { Flags = RouterAdvertisementFlags.HomeAgent | RouterAdvertisementFlags.Managed }, [other, shorter, other], MobilePrefixFlags.Other);

        Assert.Equal(
            Heard with { Flags = RouterAdvertisementFlags.HomeAgent | RouterAdvertisementFlags.Other, Options = [Unknown, RouterMac, shorter, other] }, merged);
    }

    [Fact]
    public void However_many_prefixes_are_told_no_more_than_32_are_kept()
    {
        var merged = Heard;
        for (var i = 1; i < 100; i++)
        {
            merged = RepeatedAdvertisement.Merge(merged, [Prefix with { Prefix = Ipv6Address.Parse($"2001:db8:{i:x}::") }], MobilePrefixFlags.None);
        }

        Assert.Equal(32, merged.Options.OfType<PrefixInformation>().Count());
    }
}
