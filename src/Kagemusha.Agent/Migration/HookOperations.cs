using Kagemusha.Control;
using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>
/// What libvirt's hook calls mean for an enrolled domain. Only a migration to this host is ever refused; libvirt is not asked here, because it holds
/// the domain's lock while it waits.
/// </summary>
/// <param name="guests">The guests of this host.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="attachments">Where their interfaces end.</param>
/// <param name="source">What the host that a guest comes from knows of it.</param>
/// <param name="foreigners">Looks whether one that was started is on another link.</param>
/// <param name="arriving">The ways from the hosts that guests come from.</param>
/// <param name="look">Checks with libvirt whether a domain is here: not while libvirt holds its lock and waits for this.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class HookOperations(
    GuestTable guests, GuestLifecycle lifecycle, Attachments attachments, SourceAgent source, ForeignBridges foreigners, ArrivingGuests arriving, Func<Guid, Task> look, AgentLog log)
{
    // EOPNOTSUPP
    private const int NotSupported = 95;

    public async Task<HookReply> AnswerAsync(HookCall call)
    {
        var began = Clock.Now;
        var mayRefuse = call.Operation == "migrate";
        var place = "";
        string? error = null;
        string? changed = null;
        try
        {
            var xml = DomainXml.Parse(call.Xml);
            var profile = xml.ReadProfile();
            mayRefuse |= IncomingMarker.Exists(xml.Uuid);
            if (profile is not null)
            {
                changed = await CarryOutAsync(call, xml, profile, began);
            }

            if (guests.TryFind(xml.Uuid, out var guest))
            {
                place = $"{Describe.Place(guest)}: ";
                (guest.Presence == Presence.Incoming ? guest.MoveHere : guest.MoveAway)?.Add(MoveStep.HookCalled, $"{call.Operation} {call.SubOperation}", began);
            }
        }
        catch (Exception e) when (Adoption.IsRefusal(e))
        {
            error = e is KernelException { Errno: NotSupported }
                ? $"{e.Message}: this host's kernel lacks it, or its module (vrf, ip6_tunnel, sch_ingress, cls_flower, cls_u32, act_gact, act_mirred, act_skbedit)"
                : e.Message;
        }

        var outcome = error is null ? "accepted" : mayRefuse ? $"refused: {error}" : $"failed: {error}";
        log.Decision(
            call.Guest, $"hook {call.Operation} {call.SubOperation}: {place}{outcome}", Clock.Now - began, failed: error is not null);
        return new(changed, mayRefuse ? error : null);
    }

    /// <returns>The changed XML, or null.</returns>
    private async Task<string?> CarryOutAsync(HookCall call, DomainXml xml, MobilityProfile profile, TimeSpan calledAt)
    {
        switch (call.Operation, call.SubOperation)
        {
            case ("migrate", "begin"):
                return await PrepareAsync(xml, profile, calledAt);
            case ("started", "begin"):
                Started(xml, profile);
                break;
            case ("stopped" or "release", "end"):
                _ = look(xml.Uuid);
                break;
        }

        return null;
    }

    private async Task<string?> PrepareAsync(DomainXml xml, MobilityProfile profile, TimeSpan calledAt)
    {
        // libvirt calls this before it sees that it has such a domain. A migration to its own host must not cost a guest its registration.
        if (IsHere(xml.Uuid))
        {
            await look(xml.Uuid);
            if (IsHere(xml.Uuid))
            {
                throw new RefusedException($"{xml.Name} is on {Environment.MachineName} already");
            }
        }

        if (profile.Interfaces.All(enrolled => xml.Interface(enrolled.Mac) is null))
        {
            throw new RefusedException($"the VM has no interface {profile.Interfaces[0].Mac}, which is enrolled: unenroll it and enroll it again");
        }

        lifecycle.RefuseDuplicates(xml.Uuid, profile);
        var handOver = await source.FetchAsync(xml, profile);
        profile = handOver?.Profile ?? profile;
        var places = new Dictionary<EnrolledInterface, Attachment>();
        foreach (var enrolled in profile.Interfaces)
        {
            places.Add(enrolled, xml.Interface(enrolled.Mac) is null ? new Attachment.Severed(null, "it is plugged out") : await attachments.ChooseAsync(enrolled));
        }

        RefuseUnreachable(xml, places);
        var guest = lifecycle.Take(xml.Uuid, xml.Name, profile, enrolled => places[enrolled], Presence.Incoming, handOver?.Snapshots);
        try
        {
            arriving.Expect(guest, profile.Agent, handOver, calledAt);
            // All but the tap, which is not there yet: what the kernel cannot do, it refuses now.
            lifecycle.Attach(guest);
            IncomingMarker.Create(guest.Uuid);
            var changed = IncomingXml.Rewrite(xml, profile with { Agent = guest.Ticket }, places);
            return changed == xml.Text ? null : changed;
        }
        catch
        {
            lifecycle.Forget(guest, moved: false);
            throw;
        }
    }

    /// <summary>One interface by which it can be reached is enough: another may be unused, or its home be gone.</summary>
    /// <exception cref="RefusedException">There is none.</exception>
    public static void RefuseUnreachable(DomainXml xml, IReadOnlyDictionary<EnrolledInterface, Attachment> places)
    {
        var whyNot = places.Select(each => each switch
        {
            { Value: Attachment.Severed { Tap: null } severed } => $"{each.Key.Mac}: {severed.Why}",
            { Value: Attachment.Severed severed } => severed.Why,
            { Value: Attachment.Away, Key.Addresses.Count: 0 } =>
                $"no home address of {xml.Name}'s interface {each.Key.Mac} is known yet: let it use its network at home, or enroll it again with --home-address",
            _ => null,
        }).ToList();
        if (whyNot.TrueForAll(why => why is not null))
        {
            throw new RefusedException(string.Join("; ", whyNot.Distinct()));
        }
    }

    private bool IsHere(Guid uuid) => guests.TryFind(uuid, out var guest) && guest.Presence != Presence.Incoming;

    private void Started(DomainXml xml, MobilityProfile profile)
    {
        guests.TryFind(xml.Uuid, out var guest);
        var incoming = guest is { Presence: Presence.Incoming } || IncomingMarker.Exists(xml.Uuid);
        if (incoming && guest is not null)
        {
            foreach (var link in guest.Links)
            {
                link.Attachment = attachments.Read(xml, link.Enrolled);
            }

            if (guest.Links.All(link => link.Attachment is Attachment.Severed))
            {
                throw new RefusedException(((Attachment.Severed)guest.Links[0].Attachment).Why);
            }
        }
        else
        {
            guest = lifecycle.Take(
                xml.Uuid, xml.Name, profile, enrolled => attachments.Read(xml, enrolled), incoming ? Presence.Incoming : Presence.Running);
        }

        try
        {
            lifecycle.Attach(guest);
        }
        catch
        {
            // Refused, or taken up once libvirt tells that it runs.
            lifecycle.Forget(guest, moved: false);
            throw;
        }

        if (incoming)
        {
            lifecycle.Expect(guest);
        }
        else
        {
            // A plain start: the guest runs already.
            lifecycle.Activate(guest);
            foreigners.Look(guest);
        }
    }
}
