using System.Diagnostics.CodeAnalysis;
using Kagemusha.Wire;

namespace Kagemusha.Intruder;

/// <summary>A machine on the home link.</summary>
/// <param name="Mac">Its link-layer address.</param>
/// <param name="Address">Its home address; of the router its link-local address.</param>
internal readonly record struct Station(LinkLayerAddress Mac, Ipv6Address Address)
{
    /// <summary>The link-local address that it has made of its link-layer address (RFC 4291, appendix A).</summary>
    public Ipv6Address LinkLocal =>
        new((UInt128)0xfe80 << 112 | ((UInt128)(Mac.Bits >> 24) << 40 | (UInt128)0xfffe << 24 | Mac.Bits & 0xffffff) ^ (UInt128)0x02 << 56);
}

/// <summary>Who is who to a guest that means harm.</summary>
/// <param name="Interface">The guest's interface.</param>
/// <param name="Self">The guest.</param>
/// <param name="Other">Another guest of the same home link.</param>
/// <param name="Router">The home router.</param>
/// <param name="HomeAgent">The home agent.</param>
/// <param name="CareOf">The care-of address of the host that both are away on.</param>
/// <param name="Correspondent">Somebody far away.</param>
internal sealed record Scene(
    string Interface, Station Self, Station Other, Station Router, Ipv6Address HomeAgent, Ipv6Address CareOf, Ipv6Address Correspondent)
{
    /// <summary>The arguments of the command line, in their order.</summary>
    public const string Usage = "INTERFACE MAC ADDRESS OTHER-MAC OTHER-ADDRESS ROUTER-MAC ROUTER-ADDRESS HOME-AGENT CARE-OF-ADDRESS CORRESPONDENT";

    public static bool TryParse(ReadOnlySpan<string> arguments, [NotNullWhen(true)] out Scene? scene)
    {
        scene = null;
        if (arguments is not [var link, var mac, var address, var otherMac, var otherAddress, var routerMac, var routerAddress, var homeAgent, var careOf, var correspondent]
            || !TryParse(mac, address, out var self)
            || !TryParse(otherMac, otherAddress, out var other)
            || !TryParse(routerMac, routerAddress, out var router)
            || !Ipv6Address.TryParse(homeAgent, out var agent)
            || !Ipv6Address.TryParse(careOf, out var host)
            || !Ipv6Address.TryParse(correspondent, out var peer))
        {
            return false;
        }

        scene = new(link, self, other, router, agent, host, peer);
        return true;
    }

    /// <summary>A frame of the guest's around an IPv6 packet: by default to the router, or to the packet's group.</summary>
    public byte[] Frame(byte[] packet, LinkLayerAddress? to = null, LinkLayerAddress? sender = null)
    {
        var destination = Ipv6Address.Read(packet.AsSpan(24));
        return Frame(EtherType.Ipv6, packet, to ?? (destination.IsMulticast ? LinkLayerAddress.ForMulticast(destination) : Router.Mac), sender);
    }

    /// <summary>A frame of the guest's.</summary>
    public byte[] Frame(EtherType type, byte[] payload, LinkLayerAddress to, LinkLayerAddress? sender = null) =>
        new EthernetFrame(to, sender ?? Self.Mac, type, WireArray.Create<byte>(payload)).ToArray();

    /// <summary>What <see cref="TryParse(ReadOnlySpan{string}, out Scene?)"/> reads.</summary>
    public override string ToString() =>
        $"{Interface} {Self.Mac} {Self.Address} {Other.Mac} {Other.Address} {Router.Mac} {Router.Address} {HomeAgent} {CareOf} {Correspondent}";

    private static bool TryParse(string mac, string address, out Station station)
    {
        var parsed = LinkLayerAddress.TryParse(mac, out var link) & Ipv6Address.TryParse(address, out var ip);
        station = new(link, ip);
        return parsed;
    }
}
