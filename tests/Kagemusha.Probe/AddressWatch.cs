using System.ComponentModel;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Kagemusha.Probe;

/// <summary>Becomes readable when an IPv6 address of this machine changes.</summary>
internal sealed unsafe class AddressWatch : IDisposable
{
    // linux/netlink.h, linux/rtnetlink.h, linux/if_addr.h
    private const int NETLINK_ROUTE = 0;
    private const uint RTMGRP_IPV6_IFADDR = 0x100;
    private const int IFA_F_TENTATIVE = 0x40;

    public AddressWatch()
    {
        var handle = LibC.socket(LibC.AF_NETLINK, LibC.SOCK_RAW | LibC.SOCK_CLOEXEC, NETLINK_ROUTE);
        // struct sockaddr_nl: u16 nl_family; u16 pad; u32 nl_pid; u32 nl_groups
        var address = stackalloc uint[] { (ushort)LibC.AF_NETLINK, 0, RTMGRP_IPV6_IFADDR };
        if (handle < 0 || LibC.bind(handle, (sockaddr*)address, 3 * sizeof(uint)) != 0)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }

        Socket = new(new SafeSocketHandle(handle, ownsHandle: true)) { Blocking = false };
    }

    public Socket Socket { get; }

    /// <summary>A global address that is ready for use, if there is one now.</summary>
    public IPAddress? Find()
    {
        Span<byte> events = stackalloc byte[8192];
        while (Socket.Receive(events, SocketFlags.None, out var error) > 0 && error == SocketError.Success)
        {
        }

        foreach (var line in File.ReadLines("/proc/net/if_inet6"))
        {
            // address, index, prefix length, scope, flags, device
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields[3] == "00" && (byte.Parse(fields[4], NumberStyles.HexNumber, CultureInfo.InvariantCulture) & IFA_F_TENTATIVE) == 0)
            {
                return new(Convert.FromHexString(fields[0]));
            }
        }

        return null;
    }

    public void Dispose() => Socket.Dispose();
}
