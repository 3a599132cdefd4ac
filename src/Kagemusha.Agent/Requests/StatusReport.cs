using System.Globalization;
using Kagemusha.Control;
using Kagemusha.Mobility;
using Kagemusha.Wire;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>How the enrolled domains of this host stand.</summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="problems">Why domains that run here are not served, by UUID.</param>
internal sealed class StatusReport(Hypervisor hypervisor, GuestTable guests, IReadOnlyDictionary<Guid, string> problems)
{
    /// <exception cref="RefusedException">No such domain, not enrolled, or libvirt does not answer and nothing is known.</exception>
    public async Task<StatusReply> AnswerAsync(StatusRequest request)
    {
        IReadOnlyList<DomainSnapshot> domains;
        try
        {
            domains = await hypervisor.AskAsync(connection => Domains(connection, request.Domain));
        }
        catch (LibvirtException e)
        {
            throw new RefusedException($"libvirt does not answer: {e.Message}", ExitCode.Libvirt);
        }

        return new([.. domains.OrderBy(domain => domain.Name, StringComparer.Ordinal).SelectMany(Describe)]);
    }

    private static IReadOnlyList<DomainSnapshot> Domains(LibvirtConnection connection, string? nameOrUuid)
    {
        if (nameOrUuid is null)
        {
            return DomainSnapshot.Enrolled(connection);
        }

        var domain = DomainSnapshot.Find(connection, nameOrUuid)
            ?? throw new RefusedException($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);
        return domain.Xml.IsEnrolled ? [domain] : throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
    }

    private IEnumerable<DomainStatus> Describe(DomainSnapshot domain)
    {
        if (guests.TryFind(domain.Uuid, out var guest))
        {
            return guest.Links.SelectMany(link => Describe(domain, guest, link));
        }

        try
        {
            var known = problems.TryGetValue(domain.Uuid, out var problem) ? [problem] : Array.Empty<string>();
            return from enrolled in domain.Xml.ReadProfile()!.Interfaces
                   from address in enrolled.Addresses.DefaultIfEmpty()
                   select new DomainStatus(
                       domain.Name, domain.Uuid, domain.State.ToString(), enrolled.Mac, address?.Address, null, enrolled.HomeAgent, "none", null, DataPath.None, known, address?.Origin, [.. enrolled.OtherHomeAgents]);
        }
        catch (MalformedXmlException e)
        {
            return [new(domain.Name, domain.Uuid, domain.State.ToString(), default, null, null, default, "unknown", null, DataPath.None, [e.Message], null, [])];
        }
    }

    /// <summary>Each of the interface's home addresses, and with the last one what is wrong with others.</summary>
    private static List<DomainStatus> Describe(DomainSnapshot domain, Guest guest, GuestLink link)
    {
        List<string> others = [.. link.Refused.Values];
        if (link.GuestPort?.IsLimitReached == true)
        {
            others.Add(AddressLearning.Limit(link));
        }

        if (link.Attachment is Attachment.Severed severed)
        {
            others.Add($"{link.Enrolled.Mac} is severed: {severed.Why}");
        }

        List<DomainStatus> all = [.. link.Registrations.Select(registration => Describe(domain, guest, link, registration))];
        if (all.Count == 0)
        {
            others.Add($"no home address of {link.Enrolled.Mac} is known yet: it is learnt when the VM uses it");
            all.Add(new(
                domain.Name, domain.Uuid, domain.State.ToString(), link.Enrolled.Mac, null, CareOfAddress(link), link.Enrolled.HomeAgent, link.Attachment is Attachment.Severed ? "severed" : "none", null, DataPath.None, [], null, [.. link.Enrolled.OtherHomeAgents]));
        }

        all[^1] = all[^1] with { Problems = [.. all[^1].Problems, .. others] };
        return all;
    }

    private static DomainStatus Describe(DomainSnapshot domain, Guest guest, GuestLink link, Registration registration)
    {
        var state = registration.Node.GetState(Clock.Now);
        return new(
            domain.Name,
            domain.Uuid,
            domain.State.ToString(),
            link.Enrolled.Mac,
            registration.Address,
            CareOfAddress(link),
            registration.Node.HomeAgent,
            link.Attachment is Attachment.Severed ? "severed" : guest.Presence == Presence.Running ? Word(state) : Word(guest.Presence),
            state.Remaining > TimeSpan.Zero ? (int)state.Remaining.TotalSeconds : null,
            state.Phase switch
            {
                _ when link.Attachment is Attachment.Severed => DataPath.None,
                MobileNodePhase.AtHome => DataPath.HomeLink,
                MobileNodePhase.Registered => DataPath.HomeAgentTunnel,
                MobileNodePhase.Registering or MobileNodePhase.Deregistering when guest.Arrival is not null => DataPath.HandOverTunnel,
                _ => DataPath.None,
            },
            state.Problem is { } problem ? [problem] : [],
            registration.Origin,
            [.. registration.Node.HomeAgents.Where(homeAgent => homeAgent != registration.Node.HomeAgent)]);
    }

    private static Ipv6Address? CareOfAddress(GuestLink link) => (link.Attachment as Attachment.Away)?.CareOf.Address;

    private static string Word(MobileNodeState state) => state.Phase switch
    {
        MobileNodePhase.Registering or MobileNodePhase.Deregistering when state.Refusal is { } status =>
            string.Create(CultureInfo.InvariantCulture, $"refused ({(byte)status})"),
        MobileNodePhase.AtHome => "at home",
        MobileNodePhase.Deregistering => "de-registering",
        MobileNodePhase.Registering => "registering",
        MobileNodePhase.Registered => "registered",
        _ => "passive",
    };

    private static string Word(Presence presence) => presence == Presence.Incoming ? "incoming" : "leaving";
}
