using System.Net.Sockets;
using System.Runtime.InteropServices;
using Kagemusha.Wire;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>
/// Memberships in the solicited-node groups (RFC 4291, section 2.7.1) of addresses that this host speaks for, on one interface, for as long as this is not disposed
/// of: switches that look into multicast listener discovery would keep solicitations from it. In the network namespace of the thread that makes it.
/// </summary>
public sealed unsafe class SolicitedNodeGroups : IDisposable
{
    /// <summary>So many groups are joined at most, since the kernel looks through them for each multicast packet. Most links carry the others' packets, too.</summary>
    public const int Most = 1024;

    // A socket may have as many as its option memory (net.core.optmem_max) has room for.
    private const int MostOfSocket = 64;

    // linux/in6.h
    private const int IPV6_ADD_MEMBERSHIP = 20;
    private const int IPV6_DROP_MEMBERSHIP = 21;

    private readonly int _interfaceIndex;
    private readonly Dictionary<Ipv6Address, int> _wanted = [];
    private readonly Dictionary<Ipv6Address, int> _joined = [];
    private readonly List<Listener> _listeners = [];

    /// <summary>A socket and how many memberships it has.</summary>
    private sealed class Listener : IDisposable
    {
        public SafeSocketHandle Handle { get; } = SocketCalls.Create(AF_INET6, SOCK_DGRAM, 0, "solicited-node groups");

        public int Count { get; set; }

        public void Dispose() => Handle.Dispose();
    }

    /// <summary>None yet, on an interface.</summary>
    public SolicitedNodeGroups(NetworkInterface link) => _interfaceIndex = link.Index;

    /// <summary>Listens for an address, as often as it is added; addresses that end alike share a group.</summary>
    /// <exception cref="KernelException">The kernel refused a socket or the group; the address counts as added nevertheless.</exception>
    public void Add(Ipv6Address address)
    {
        var group = address.SolicitedNode;
        _wanted[group] = _wanted.GetValueOrDefault(group) + 1;
        if (_joined.ContainsKey(group) || _joined.Count >= Most)
        {
            return;
        }

        var place = _listeners.FindIndex(one => one.Count < MostOfSocket);
        if (place < 0)
        {
            place = _listeners.Count;
            _listeners.Add(new());
        }

        Change(_listeners[place], IPV6_ADD_MEMBERSHIP, group, "IPV6_ADD_MEMBERSHIP");
        _listeners[place].Count++;
        _joined[group] = place;
    }

    /// <summary>Listens no longer for an address that was added.</summary>
    /// <exception cref="KernelException">The kernel refused it.</exception>
    public void Remove(Ipv6Address address)
    {
        var group = address.SolicitedNode;
        if (--_wanted[group] > 0)
        {
            return;
        }

        _wanted.Remove(group);
        if (_joined.Remove(group, out var place))
        {
            _listeners[place].Count--;
            Change(_listeners[place], IPV6_DROP_MEMBERSHIP, group, "IPV6_DROP_MEMBERSHIP");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _listeners.ForEach(listener => listener.Dispose());

    private void Change(Listener listener, int option, Ipv6Address group, string name)
    {
        var request = new Request { InterfaceIndex = _interfaceIndex };
        group.WriteTo(new Span<byte>(request.Group, Ipv6Address.Length));
        SocketCalls.SetOption(listener.Handle, IPPROTO_IPV6, option, request, $"{name} {group}");
    }

    /// <summary>struct ipv6_mreq.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Request
    {
        public fixed byte Group[Ipv6Address.Length];
        public int InterfaceIndex;
    }
}
