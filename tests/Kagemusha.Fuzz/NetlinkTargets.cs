using System.Buffers.Binary;
using Kagemusha.Linux;
using static Kagemusha.Fuzz.BrokenPropertyException;

namespace Kagemusha.Fuzz;

/// <summary>What the kernel says: whatever it is, nothing is read beyond it, and attributes are found as a plain walk finds them.</summary>
internal static class NetlinkTargets
{
    private const byte Protocol = 0x4b;

    public static IReadOnlyList<FuzzTarget> All { get; } = [new("netlink", Check)];

    private static void Check(byte[] bytes)
    {
        CheckAttributes(bytes);
        ReadAll(bytes);
        NetlinkSocket.Parse(bytes, (in header, payload) =>
        {
            Require(payload.Length == header.Length - NetlinkWriter.HeaderLength, "a payload of another length");
            ReadAll(payload);
        });
    }

    private static void ReadAll(ReadOnlySpan<byte> payload)
    {
        _ = LinkMessages.Read(payload);
        _ = LinkMessages.ReadStatistics(payload);
        _ = RouteMessages.ReadAddress(payload);
        _ = RouteMessages.ReadRoute(payload);
        _ = RouteMessages.ReadRule(payload, Protocol);
        _ = RouteMessages.ReadNeighbour(payload);
        _ = FilterMessages.ReadClassifier(payload);
        _ = FilterMessages.Read(payload, "tap0", FilterHook.Ingress, Protocol, index => index == 1 ? "lo" : null);
        _ = BridgeMessages.ReadEntry(payload);
    }

    private static void CheckAttributes(ReadOnlySpan<byte> bytes)
    {
        var found = new Dictionary<int, Range>();
        var offset = 0;
        while (offset + 4 <= bytes.Length)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);
            if (length < 4 || offset + length > bytes.Length)
            {
                break;
            }

            found.TryAdd(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(offset + 2)..]) & 0x3fff, (offset + 4)..(offset + length));
            offset += (length + 3) / 4 * 4;
        }

        var attributes = new NetlinkAttributes(bytes);
        for (var type = 0; type < 80; type++)
        {
            var expected = found.TryGetValue(type, out var place) ? bytes[place] : default;
            Require(attributes[type].SequenceEqual(expected), $"attribute {type} is another");
            _ = attributes.Byte(type);
            _ = attributes.Number(type);
            _ = attributes.Text(type);
            _ = attributes.Prefix(type, type);
            _ = attributes.LinkLayer(type);
        }
    }
}
