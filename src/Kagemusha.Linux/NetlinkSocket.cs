using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;
using static Kagemusha.Linux.Netlink;
using static Tmds.Linux.LibC;

namespace Kagemusha.Linux;

/// <summary>What the kernel says to one request.</summary>
internal readonly record struct NetlinkReply(int Errno, string? Message, int? Offset)
{
    public NetlinkException ToException(string operation) => new(operation, Errno, Message, Offset);
}

/// <summary>Takes one message of a dump: its type and what is behind the header.</summary>
internal delegate void NetlinkMessageHandler(ushort type, ReadOnlySpan<byte> payload);

/// <summary>A request and answer socket of rtnetlink, in the network namespace of the thread that made it. Not thread-safe.</summary>
internal sealed unsafe class NetlinkSocket : IDisposable
{
    // The answers to so many requests fit the receive buffer that a socket has by default.
    private const int LargestBatch = 64;

    private readonly SafeSocketHandle _handle;
    private readonly byte[] _buffer = new byte[64 * 1024];
    private uint _sequence;

    public NetlinkSocket()
    {
        _handle = Open(groups: 0);
        SocketCalls.SetOption(_handle, SOL_NETLINK, NETLINK_EXT_ACK, 1, "NETLINK_EXT_ACK");
        SocketCalls.SetOption(_handle, SOL_NETLINK, NETLINK_CAP_ACK, 1, "NETLINK_CAP_ACK");
        SocketCalls.SetOption(_handle, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1, "NETLINK_GET_STRICT_CHK");
    }

    /// <summary>Makes a bound rtnetlink socket that hears what the groups (RTMGRP_) are told.</summary>
    public static SafeSocketHandle Open(uint groups)
    {
        var handle = SocketCalls.Create(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, "rtnetlink");
        SocketCalls.Bind(handle, new SockAddrNl { Family = (ushort)(int)AF_NETLINK, Groups = groups }, "rtnetlink");
        return handle;
    }

    /// <summary>Sends requests in as few system calls as possible; one reply for each, errno 0 for success.</summary>
    public NetlinkReply[] Execute(IReadOnlyList<Action<NetlinkWriter>> requests)
    {
        var replies = new NetlinkReply[requests.Count];
        var writer = new NetlinkWriter();
        for (var done = 0; done < requests.Count; done += writer.Count)
        {
            writer.Clear();
            foreach (var request in requests.Skip(done).Take(LargestBatch))
            {
                request(writer);
            }

            var first = Send(writer.Written.ToArray());
            for (var missing = writer.Count; missing > 0;)
            {
                Receive((in header, payload) =>
                {
                    if (header.Type == NLMSG_ERROR && header.Sequence - first < (uint)writer.Count)
                    {
                        replies[done + (int)(header.Sequence - first)] = ReadError(header, payload, HeaderAndErrno);
                        missing--;
                    }
                });
            }
        }

        return replies;
    }

    /// <summary>
    /// Sends messages of which only the last is acknowledged: one system call, and one more for the acknowledgement and for each refusal.
    /// </summary>
    /// <returns>The first refusal and whose it is, counted from 0; null if there is none.</returns>
    public (int Message, NetlinkReply Reply)? Execute(byte[] messages, int count)
    {
        (int, NetlinkReply)? refusal = null;
        var first = Send(messages);
        for (var isDone = false; !isDone;)
        {
            Receive((in header, payload) =>
            {
                var message = header.Sequence - first;
                if (header.Type == NLMSG_ERROR && message < (uint)count)
                {
                    var reply = ReadError(header, payload, HeaderAndErrno);
                    refusal ??= reply.Errno == 0 ? null : ((int)message, reply);
                    isDone = message == (uint)count - 1;
                }
            });
        }

        return refusal;
    }

    /// <summary>Sends one request and takes the messages that answer it.</summary>
    public NetlinkReply Query(Action<NetlinkWriter> request, NetlinkMessageHandler handler) => Ask(request, handler).Reply;

    /// <summary>Asks for all of something.</summary>
    /// <returns>False if it changed meanwhile and was not all of one time: ask again.</returns>
    public bool TryDump(string operation, Action<NetlinkWriter> request, NetlinkMessageHandler handler)
    {
        var (reply, consistent) = Ask(request, handler);
        return reply.Errno == 0 ? consistent : throw reply.ToException(operation);
    }

    /// <summary>The socket's address (nl_pid).</summary>
    public uint Port
    {
        get
        {
            SockAddrNl address;
            socklen_t length = sizeof(SockAddrNl);
            return getsockname(SocketCalls.Descriptor(_handle), (sockaddr*)&address, &length) == 0 ? address.Port : throw new KernelException("getsockname", errno);
        }
    }

    public void Dispose() => _handle.Dispose();

    // An error's payload: the errno, then the header of the request (all of it without NETLINK_CAP_ACK), then attributes.
    private const int HeaderAndErrno = 4 + NetlinkWriter.HeaderLength;

    private static NetlinkReply ReadError(in NetlinkHeader header, ReadOnlySpan<byte> payload, int attributesAt)
    {
        var errno = payload.Length >= 4 ? -MemoryMarshal.Read<int>(payload) : 0;
        if (errno == 0 || (header.Flags & NLM_F_ACK_TLVS) == 0 || payload.Length < attributesAt)
        {
            return new(errno, null, null);
        }

        var attributes = new NetlinkAttributes(payload[attributesAt..]);
        return new(errno, attributes.Text(NLMSGERR_ATTR_MSG), attributes.Has(NLMSGERR_ATTR_OFFS) ? (int)attributes.Number(NLMSGERR_ATTR_OFFS) : null);
    }

    private (NetlinkReply Reply, bool Consistent) Ask(Action<NetlinkWriter> request, NetlinkMessageHandler handler)
    {
        var writer = new NetlinkWriter();
        request(writer);
        var wanted = Send(writer.Written.ToArray());
        var consistent = true;
        NetlinkReply? reply = null;
        while (reply is null)
        {
            Receive((in header, payload) =>
            {
                if (header.Sequence != wanted)
                {
                    return;
                }

                consistent &= (header.Flags & NLM_F_DUMP_INTR) == 0;
                if (header.Type is NLMSG_ERROR or NLMSG_DONE)
                {
                    reply = ReadError(header, payload, header.Type == NLMSG_ERROR ? HeaderAndErrno : 4);
                }
                else
                {
                    handler(header.Type, payload);
                }
            });
        }

        return (reply.Value, consistent);
    }

    /// <summary>Numbers messages and sends them.</summary>
    private uint Send(Span<byte> bytes)
    {
        var first = _sequence + 1;
        for (var at = 0; at < bytes.Length; at += MemoryMarshal.Read<int>(bytes[at..]))
        {
            MemoryMarshal.Write(bytes[(at + 8)..], ++_sequence);
        }

        fixed (byte* start = bytes)
        {
            var kernel = new SockAddrNl { Family = (ushort)(int)AF_NETLINK };
            if (sendto(SocketCalls.Descriptor(_handle), start, bytes.Length, 0, (sockaddr*)&kernel, sizeof(SockAddrNl)) < 0)
            {
                throw new KernelException("send to rtnetlink", errno);
            }
        }

        return first;
    }

    private void Receive(NetlinkHandler handler)
    {
        long length;
        fixed (byte* start = _buffer)
        {
            do
            {
                length = recv(SocketCalls.Descriptor(_handle), start, _buffer.Length, 0);
            }
            while (length < 0 && errno == EINTR);
        }

        if (length < 0)
        {
            throw new KernelException("receive from rtnetlink", errno);
        }

        Parse(_buffer.AsSpan(0, (int)length), handler);
    }

    /// <summary>Takes a datagram of netlink messages apart.</summary>
    public static void Parse(ReadOnlySpan<byte> messages, NetlinkHandler handler)
    {
        while (messages.Length >= NetlinkWriter.HeaderLength)
        {
            var header = MemoryMarshal.Read<NetlinkHeader>(messages);
            if (header.Length < NetlinkWriter.HeaderLength || header.Length > messages.Length)
            {
                return;
            }

            handler(header, messages[NetlinkWriter.HeaderLength..(int)header.Length]);
            messages = messages[Math.Min(((int)header.Length + 3) & ~3, messages.Length)..];
        }
    }
}

/// <summary>Takes one message.</summary>
internal delegate void NetlinkHandler(in NetlinkHeader header, ReadOnlySpan<byte> payload);

/// <summary>struct nlmsghdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct NetlinkHeader(uint Length, ushort Type, ushort Flags, uint Sequence, uint Port);

/// <summary>struct sockaddr_nl.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SockAddrNl
{
    public ushort Family;
    public ushort Padding;
    public uint Port;
    public uint Groups;
}
