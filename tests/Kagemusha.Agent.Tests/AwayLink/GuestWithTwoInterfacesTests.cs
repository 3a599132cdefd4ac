using Kagemusha.Linux;
using Kagemusha.Linux.Tests;
using Kagemusha.Wire;

namespace Kagemusha.Agent.Tests;

/// <summary>One guest with two interfaces, which is away, in a real kernel.</summary>
[Trait("Needs", "kernel")]
public sealed class GuestWithTwoInterfacesTests : IDisposable
{
    private const byte NoNextHeader = 59;
    private const byte Ipv6InIpv6 = 41;
    private const int InnerSourceOffset = 14 + 40 + 8;

    private static readonly Ipv6Address Correspondent = Ipv6Address.Parse("2001:db8:2::2");

    private readonly AwaySite _site = new();
    private readonly PacketSocket _one;
    private readonly PacketSocket _two;
    private readonly PacketSocket _core;
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private readonly byte[] _buffer = new byte[2048];
    private readonly Ipv6Address[] _own;

    public GuestWithTwoInterfacesTests()
    {
        _one = _site.Open("guest1", PacketFilter.NextHeader(NoNextHeader));
        _two = _site.Open("guest2", PacketFilter.NextHeader(NoNextHeader));
        _core = _site.Open("ha", PacketFilter.NextHeader(Ipv6InIpv6));
        _own = [.. _site.First.HomeAddresses, .. _site.Second.HomeAddresses];
        _site.Apply(_site.First with { Sources = _own }, _site.Second with { Sources = _own });
    }

    public void Dispose()
    {
        _one.Dispose();
        _two.Dispose();
        _core.Dispose();
        _site.Dispose();
        _deadline.Dispose();
    }

    [Fact]
    public async Task It_sends_from_each_of_its_addresses_by_either_and_from_no_other()
    {
        foreach (var (end, link) in ((PacketSocket, AwayLink)[])[(_one, _site.First), (_two, _site.Second)])
        {
            end.Send(Frame(link, Ipv6Address.Parse("2001:db8:1::99"), Correspondent));
            foreach (var source in _own)
            {
                end.Send(Frame(link, source, Correspondent));
                await _core.ReceiveAsync(_buffer, _deadline.Token);
                Assert.Equal(source, Ipv6Address.Read(_buffer.AsSpan(InnerSourceOffset)));
            }
        }

        Assert.False(_core.TryReceive(_buffer, out _), "something else has left the host");
    }

    private static byte[] Frame(AwayLink link, Ipv6Address source, Ipv6Address destination) => Packets.Frame(
        AwaySite.RouterMac, link.Mac, EtherType.Ipv6, Packets.Ipv6(source, destination, NoNextHeader, []));
}
