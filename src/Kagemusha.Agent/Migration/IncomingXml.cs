using Kagemusha.Control;
using Kagemusha.Mobility;

namespace Kagemusha.Agent;

/// <summary>
/// What <c>migrate begin</c> makes of an incoming domain's XML: its interfaces end where this host needs them, and its metadata holds the sequence
/// numbers that this host is about to use. Metadata can't be written during a migration, but it can be changed here: a next move, however soon, finds
/// numbers behind ours, and knows that a binding may exist.
/// </summary>
internal static class IncomingXml
{
    public static string Rewrite(DomainXml xml, MobilityProfile profile, IReadOnlyDictionary<EnrolledInterface, Attachment> places)
    {
        foreach (var (enrolled, place) in places)
        {
            xml = DomainXml.Parse(Place(xml, enrolled, place));
        }

        // From home to home nothing is sent.
        if (places.Values.Any(place => place is Attachment.Away) || profile.Interfaces.SelectMany(each => each.Addresses).Any(each => each.BindingPossible))
        {
            profile = Reserve(profile, places);
        }

        return profile == xml.ReadProfile() ? xml.Text : xml.WithProfile(profile);
    }

    /// <summary>The document with the interface where it is to be.</summary>
    public static string Place(DomainXml xml, EnrolledInterface enrolled, Attachment place) => (xml.Interface(enrolled.Mac), place) switch
    {
        // Not the tap that it has here: one of libvirt's own would get another name.
        ({ } current, Attachment.Away or Attachment.Severed { Tap: not null }) when current.Type != "ethernet" || current.TargetDevice != GuestLink.TapName(enrolled.Mac) =>
            xml.WithEthernet(current, GuestLink.TapName(enrolled.Mac)),
        ({ Type: "ethernet" } current, Attachment.Home) => xml.WithHome(current, enrolled.Source),
        _ => xml.Text,
    };

    private static MobilityProfile Reserve(MobilityProfile profile, IReadOnlyDictionary<EnrolledInterface, Attachment> places) => profile with
    {
        Interfaces =
        [
            .. profile.Interfaces.Select(enrolled => enrolled with
            {
                Addresses =
                [
                    .. enrolled.Addresses.Select(address => address with
                    {
                        ReservedThrough = (ushort)(address.ReservedThrough + MobileNode.SequenceBlock),
                        BindingPossible = address.BindingPossible || places[enrolled] is Attachment.Away,
                    }),
                ],
            }),
        ],
    };
}
