using System.Diagnostics;
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
/// <param name="verify">Checks with libvirt, later, whether a domain still runs here.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class HookOperations(
    GuestTable guests, GuestLifecycle lifecycle, Attachments attachments, Action<Guid> verify, AgentLog log)
{
    public async Task<HookReply> AnswerAsync(HookCall call)
    {
        var began = Stopwatch.GetTimestamp();
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
                changed = await CarryOutAsync(call, xml, profile);
            }

            place = guests.TryFind(xml.Uuid, out var guest) ? $"{Describe.Place(guest)}: " : "";
        }
        catch (Exception e) when (e is MalformedXmlException or RefusedException or UnreachableException or ConfigurationException or KernelException)
        {
            error = e.Message;
        }

        var outcome = error is null ? "accepted" : mayRefuse ? $"refused: {error}" : $"failed: {error}";
        log.Decision(
            call.Guest, $"hook {call.Operation} {call.SubOperation}: {place}{outcome}", Stopwatch.GetElapsedTime(began), failed: error is not null);
        return new(changed, mayRefuse ? error : null);
    }

    /// <returns>The changed XML, or null.</returns>
    private async Task<string?> CarryOutAsync(HookCall call, DomainXml xml, MobilityProfile profile)
    {
        switch (call.Operation, call.SubOperation)
        {
            case ("migrate", "begin"):
                return await PrepareAsync(xml, profile);
            case ("started", "begin"):
                Started(xml, profile);
                break;
            case ("stopped" or "release", "end"):
                verify(xml.Uuid);
                break;
        }

        return null;
    }

    private async Task<string?> PrepareAsync(DomainXml xml, MobilityProfile profile)
    {
        foreach (var enrolled in profile.Interfaces)
        {
            if (xml.Interface(enrolled.Mac) is null)
            {
                throw new RefusedException($"the VM has no interface {enrolled.Mac}, which is enrolled: unenroll it and enroll it again");
            }

            foreach (var address in enrolled.Addresses)
            {
                if (guests.OtherWith(xml.Uuid, address.Address, enrolled.Mac) is { } other)
                {
                    throw new RefusedException($"{address.Address} or {enrolled.Mac} is already used on this host, by {other.Name}");
                }
            }
        }

        var places = new Dictionary<EnrolledInterface, Attachment>();
        foreach (var enrolled in profile.Interfaces)
        {
            places.Add(enrolled, await attachments.ChooseAsync(enrolled));
        }

        var guest = lifecycle.Take(xml.Uuid, xml.Name, profile, enrolled => places[enrolled], Presence.Incoming);
        try
        {
            // All but the tap, which is not there yet: what the kernel cannot do, it refuses now.
            lifecycle.Attach(guest);
        }
        catch
        {
            lifecycle.Forget(guest, moved: false);
            throw;
        }

        IncomingMarker.Create(guest.Uuid);
        var changed = DomainXml.Parse(IncomingXml.Rewrite(xml, profile, places));
        guest.WrittenProfile = changed.ReadProfile()!;
        return changed.Text == xml.Text ? null : changed.Text;
    }

    private void Started(DomainXml xml, MobilityProfile profile)
    {
        var incoming = IncomingMarker.Exists(xml.Uuid);
        if (incoming && guests.TryFind(xml.Uuid, out var guest))
        {
            foreach (var link in guest.Links)
            {
                link.Attachment = attachments.Read(xml, link.Enrolled);
            }
        }
        else
        {
            guest = lifecycle.Take(
                xml.Uuid, xml.Name, profile, enrolled => attachments.Read(xml, enrolled), incoming ? Presence.Incoming : Presence.Running);
        }

        lifecycle.Attach(guest);
        if (!incoming)
        {
            // A plain start: the guest runs already.
            lifecycle.Activate(guest);
        }
    }
}
