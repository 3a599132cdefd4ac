using System.Runtime.InteropServices;
using System.Text;
using Kagemusha.Wire;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>The attributes of a netlink message or of a nested attribute; what is not there reads as empty, zero or null.</summary>
internal readonly ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>The value of the first attribute of this type.</summary>
    public ReadOnlySpan<byte> this[int type]
    {
        get
        {
            var rest = _bytes;
            while (rest.Length >= 4)
            {
                var length = MemoryMarshal.Read<ushort>(rest);
                if (length < 4 || length > rest.Length)
                {
                    break;
                }

                if ((MemoryMarshal.Read<ushort>(rest[2..]) & NLA_TYPE_MASK) == type)
                {
                    return rest[4..length];
                }

                rest = rest[Math.Min((length + 3) & ~3, rest.Length)..];
            }

            return default;
        }
    }

    public bool Has(int type) => !this[type].IsEmpty;

    public NetlinkAttributes Nested(int type) => new(this[type]);

    public byte Byte(int type) => this[type] is [var value, ..] ? value : (byte)0;

    public uint Number(int type) => this[type] is { Length: >= 4 } value ? MemoryMarshal.Read<uint>(value) : 0;

    public string? Text(int type) => this[type] is { IsEmpty: false } value ? Encoding.UTF8.GetString(value.TrimEnd((byte)0)) : null;

    public Ipv6Address? Address(int type) => this[type] is { Length: Ipv6Address.Length } value ? Ipv6Address.Read(value) : null;

    public Ipv6Prefix? Prefix(int type, int length) => Address(type) is { } address && length <= 128 ? new Ipv6Prefix(address, length) : null;

    public LinkLayerAddress? LinkLayer(int type) => this[type] is { Length: LinkLayerAddress.Length } value ? LinkLayerAddress.Read(value) : null;
}
