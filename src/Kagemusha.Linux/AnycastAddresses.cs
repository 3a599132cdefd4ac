using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kagemusha.Wire;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>
/// Anycast addresses of an interface (RFC 4291, section 2.6): packets to them are this host's, and it answers for them on the link, for as long as this is not
/// disposed of. In the network namespace of the thread that makes it.
/// </summary>
/// <exception cref="KernelException">The kernel refused a socket.</exception>
public sealed unsafe class AnycastAddresses : IDisposable
{
    // linux/in6.h
    private const int IPV6_JOIN_ANYCAST = 27;
    private const int IPV6_LEAVE_ANYCAST = 28;

    private readonly SafeSocketHandle _handle = SocketCalls.Create(AF_INET6, SOCK_DGRAM, 0, "anycast addresses");
    private readonly int _interfaceIndex;
    private readonly HashSet<Ipv6Address> _addresses = [];

    /// <summary>None yet, on an interface.</summary>
    public AnycastAddresses(NetworkInterface link) => _interfaceIndex = link.Index;

    /// <summary>Has these addresses from now on, and no others.</summary>
    /// <exception cref="KernelException">The kernel refused one: the host neither forwards nor has an address of its prefix.</exception>
    public void Set(IReadOnlyCollection<Ipv6Address> addresses)
    {
        foreach (var address in _addresses.Except(addresses).ToList())
        {
            Change(IPV6_LEAVE_ANYCAST, address, "IPV6_LEAVE_ANYCAST");
            _addresses.Remove(address);
        }

        foreach (var address in addresses.Except(_addresses).ToList())
        {
            Change(IPV6_JOIN_ANYCAST, address, "IPV6_JOIN_ANYCAST");
            _addresses.Add(address);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    private void Change(int option, Ipv6Address address, string name)
    {
        var request = new Request { InterfaceIndex = _interfaceIndex };
        address.WriteTo(new Span<byte>(request.Address, Ipv6Address.Length));
        SocketCalls.SetOption(_handle, IPPROTO_IPV6, option, request, $"{name} {address}");
    }

    /// <summary>struct ipv6_mreq.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Request
    {
        public fixed byte Address[Ipv6Address.Length];
        public int InterfaceIndex;
    }
}
