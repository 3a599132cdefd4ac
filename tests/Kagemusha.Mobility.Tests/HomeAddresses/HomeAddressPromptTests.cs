using Kagemusha.Wire;
using static Kagemusha.Mobility.Tests.LearnerRig;

namespace Kagemusha.Mobility.Tests;

public class HomeAddressPromptTests
{
    [Fact]
    public void The_guest_is_asked_in_the_routers_name_in_each_prefix()
    {
        var configuration = Configuration(isOnHomeLink: true) with { Prefixes = [Prefixes[0], Ipv6Prefix.Parse("2001:db8:4::/80")] };
        var own = Ipv6Address.Parse("2001:db8:1:0:5054:ff:fe00:10");
        var all = LinkLayerAddress.Parse("33:33:00:00:00:01");

        Assert.Equal(
            [
                EthernetFrame.Around(
                    new NeighbourDiscoveryPacket(Router, own, new NeighbourSolicitation(own, [new SourceLinkLayerAddress(RouterMac)])), RouterMac, Mac),
                EthernetFrame.Around(new EchoRequestPacket(Ipv6Address.Parse("2001:db8:1::"), Ipv6Address.AllNodes), RouterMac, all),
                EthernetFrame.Around(new EchoRequestPacket(Ipv6Address.Parse("2001:db8:4::"), Ipv6Address.AllNodes), RouterMac, all),
            ],
            HomeAddressPrompt.Frames(configuration));
    }
}
