using System.Runtime.InteropServices;
using System.Text;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>Writes netlink messages one after the other; all numbers are in the host's order.</summary>
internal sealed class NetlinkWriter
{
    public const int HeaderLength = 16;

    private const int AttributeHeaderLength = 4;

    private byte[] _buffer = new byte[4096];
    private int _length;
    private int _message;

    /// <summary>How many messages have been ended.</summary>
    public int Count { get; private set; }

    /// <summary>All messages that have been ended.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _message);

    /// <summary>Forgets everything.</summary>
    public void Clear() => (_length, _message, Count) = (0, 0, 0);

    /// <summary>Begins a message; its sequence number is set when it is sent.</summary>
    public void Begin(ushort type, int flags)
    {
        var header = Fixed(HeaderLength);
        MemoryMarshal.Write(header[4..], type);
        MemoryMarshal.Write(header[6..], (ushort)(NLM_F_REQUEST | flags));
    }

    /// <summary>Ends the message that was begun last.</summary>
    public void End()
    {
        MemoryMarshal.Write(_buffer.AsSpan(_message), _length - _message);
        _message = _length;
        Count++;
    }

    /// <summary>Has the kernel acknowledge the last message only; it tells of each error nevertheless.</summary>
    public void AcknowledgeTheLastOnly()
    {
        for (int at = 0, length; at < _message; at += length)
        {
            length = MemoryMarshal.Read<int>(_buffer.AsSpan(at));
            var flags = MemoryMarshal.Read<ushort>(_buffer.AsSpan(at + 6)) & ~NLM_F_ACK;
            MemoryMarshal.Write(_buffer.AsSpan(at + 6), (ushort)(at + length < _message ? flags : flags | NLM_F_ACK));
        }
    }

    /// <summary>Appends zeros (padded to four bytes) for the caller to fill.</summary>
    public Span<byte> Fixed(int size)
    {
        var start = _length;
        _length += (size + 3) & ~3;
        if (_length > _buffer.Length)
        {
            Array.Resize(ref _buffer, 2 * _length);
        }

        _buffer.AsSpan(start, _length - start).Clear();
        return _buffer.AsSpan(start, size);
    }

    public void Bytes(ushort type, ReadOnlySpan<byte> value)
    {
        var attribute = Fixed(AttributeHeaderLength + value.Length);
        MemoryMarshal.Write(attribute, (ushort)attribute.Length);
        MemoryMarshal.Write(attribute[2..], type);
        value.CopyTo(attribute[AttributeHeaderLength..]);
    }

    public void Byte(ushort type, byte value) => Bytes(type, [value]);

    public void Number(ushort type, uint value) => Bytes(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    public void Text(ushort type, string value) => Bytes(type, Encoding.UTF8.GetBytes(value + '\0'));

    public void Address(ushort type, Ipv6Address value)
    {
        Span<byte> bytes = stackalloc byte[Ipv6Address.Length];
        value.WriteTo(bytes);
        Bytes(type, bytes);
    }

    /// <summary>Begins an attribute of attributes; what is returned ends it.</summary>
    public int BeginNested(int type)
    {
        var start = _length;
        MemoryMarshal.Write(Fixed(AttributeHeaderLength)[2..], (ushort)(type | NLA_F_NESTED));
        return start;
    }

    public void EndNested(int start) => MemoryMarshal.Write(_buffer.AsSpan(start), (ushort)(_length - start));
}
