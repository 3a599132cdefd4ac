using System.Runtime.InteropServices;
using static Kagemusha.Linux.Netlink;

namespace Kagemusha.Linux;

/// <summary>What a filter does, in rtnetlink's messages: a list of actions, each with its kind's own parameters.</summary>
internal static class FilterActions
{
    // struct tc_gact and struct tc_skbedit, and the beginning of every other kind's: index, capabilities, action, two counts.
    private const int GenericLength = 20;

    // struct tc_mirred: that, what it does, to which link.
    private const int MirredLength = 28;

    // struct tc_skbmod: that, padding, flags.
    private const int SkbmodLength = 32;
    private const int SkbmodFlags = 24;

    private static readonly byte[] CookieText = "kg"u8.ToArray();

    /// <summary>Writes a filter's actions, the first one with a mark of whose they are.</summary>
    public static void Write(NetlinkWriter writer, ushort type, Filter filter, Func<string, int> indexOf, byte protocol)
    {
        var actions = writer.BeginNested(type);
        if (filter.Action == FilterAction.Herald)
        {
            var guest = (filter.Match as FlowerMatch)?.DestinationLinkLayer ?? throw new ArgumentException("a herald goes before frames to one link-layer address", nameof(filter));
            Write(1, "skbmod", TCA_SKBMOD_PARMS, Skbmod(TC_ACT_PIPE), TCA_SKBMOD_DMAC, Filter.Nobody.ToArray());
            Write(2, "mirred", TCA_MIRRED_PARMS, Mirred(TC_ACT_PIPE, TCA_EGRESS_MIRROR, indexOf(filter.Link)));
            Write(3, "skbmod", TCA_SKBMOD_PARMS, Skbmod(TC_ACT_OK), TCA_SKBMOD_DMAC, guest.ToArray());
        }
        else if (filter.Action == FilterAction.Redirect)
        {
            var target = indexOf(filter.Target ?? throw new ArgumentException("what is redirected needs a target", nameof(filter)));
            Write(1, "mirred", TCA_MIRRED_PARMS, Mirred(TC_ACT_STOLEN, TCA_EGRESS_REDIR, target));
        }
        else if (filter.Action == FilterAction.Receive)
        {
            Write(1, "skbedit", TCA_SKBEDIT_PARMS, Generic(GenericLength, TC_ACT_OK), TCA_SKBEDIT_PTYPE, BitConverter.GetBytes(PACKET_HOST));
        }
        else
        {
            Write(1, "gact", TCA_GACT_PARMS, Generic(GenericLength, filter.Action == FilterAction.Pass ? TC_ACT_OK : TC_ACT_SHOT));
        }

        writer.EndNested(actions);

        void Write(int place, string kind, ushort parametersType, byte[] parameters, ushort optionType = 0, byte[]? option = null)
        {
            var action = writer.BeginNested(place);
            writer.Text(TCA_ACT_KIND, kind);
            var options = writer.BeginNested(TCA_ACT_OPTIONS);
            writer.Bytes(parametersType, parameters);
            if (option is not null)
            {
                writer.Bytes(optionType, option);
            }

            writer.EndNested(options);
            if (place == 1)
            {
                writer.Bytes(TCA_ACT_COOKIE, Cookie(protocol));
            }

            writer.EndNested(action);
        }
    }

    /// <summary>Reads a filter's actions; null if they are none that we make.</summary>
    /// <param name="actions">The list.</param>
    /// <param name="target">The index of the link to which packets are redirected, if they are.</param>
    public static FilterAction? Read(NetlinkAttributes actions, out int target)
    {
        target = 0;
        var first = actions.Nested(1);
        if (first.Text(TCA_ACT_KIND) == "mirred")
        {
            var redirection = first.Nested(TCA_ACT_OPTIONS)[TCA_MIRRED_PARMS];
            if (actions.Has(2) || redirection.Length < MirredLength || MemoryMarshal.Read<int>(redirection[GenericLength..]) != TCA_EGRESS_REDIR)
            {
                return null;
            }

            target = MemoryMarshal.Read<int>(redirection[(GenericLength + sizeof(int))..]);
            return FilterAction.Redirect;
        }

        if (first.Text(TCA_ACT_KIND) == "skbmod")
        {
            var isHerald = first.Nested(TCA_ACT_OPTIONS).LinkLayer(TCA_SKBMOD_DMAC) == Filter.Nobody
                && actions.Nested(2).Text(TCA_ACT_KIND) == "mirred" && actions.Nested(3).Text(TCA_ACT_KIND) == "skbmod" && !actions.Has(4);
            return isHerald ? FilterAction.Herald : null;
        }

        if (first.Text(TCA_ACT_KIND) == "skbedit")
        {
            var edit = first.Nested(TCA_ACT_OPTIONS);
            return !actions.Has(2) && edit[TCA_SKBEDIT_PTYPE].SequenceEqual(BitConverter.GetBytes(PACKET_HOST)) ? FilterAction.Receive : null;
        }

        var parameters = first.Nested(TCA_ACT_OPTIONS)[TCA_GACT_PARMS];
        if (actions.Has(2) || first.Text(TCA_ACT_KIND) != "gact" || parameters.Length < GenericLength)
        {
            return null;
        }

        return MemoryMarshal.Read<int>(parameters[8..]) switch
        {
            TC_ACT_OK => FilterAction.Pass,
            TC_ACT_SHOT => FilterAction.Drop,
            _ => null,
        };
    }

    /// <summary>Whether they carry the mark.</summary>
    public static bool AreMarked(NetlinkAttributes actions, byte protocol) => actions.Nested(1)[TCA_ACT_COOKIE].SequenceEqual(Cookie(protocol));

    private static byte[] Cookie(byte protocol) => [.. CookieText, protocol];

    private static byte[] Mirred(int action, int what, int link)
    {
        var parameters = Generic(MirredLength, action);
        MemoryMarshal.Write(parameters.AsSpan(GenericLength), what);
        MemoryMarshal.Write(parameters.AsSpan(GenericLength + sizeof(int)), link);
        return parameters;
    }

    private static byte[] Skbmod(int action)
    {
        var parameters = Generic(SkbmodLength, action);
        MemoryMarshal.Write(parameters.AsSpan(SkbmodFlags), SKBMOD_F_DMAC);
        return parameters;
    }

    private static byte[] Generic(int length, int action)
    {
        var parameters = new byte[length];
        MemoryMarshal.Write(parameters.AsSpan(8), action);
        return parameters;
    }
}
