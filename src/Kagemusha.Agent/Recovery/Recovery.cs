using System.Globalization;
using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary><c>recover</c>: finds out what is true, says what is wrong and what is done about it, does it, and looks whether it has helped.</summary>
/// <param name="hypervisor">This host's libvirt.</param>
/// <param name="kernel">This host's kernel.</param>
/// <param name="guests">The guests of this host.</param>
/// <param name="adoption">Takes them up.</param>
/// <param name="lifecycle">What becomes of them.</param>
/// <param name="registrar">Their registrations.</param>
/// <param name="reachability">Whether they are reachable.</param>
/// <param name="gate">Keeps changes of one domain apart.</param>
/// <param name="log">Where each decision is told.</param>
internal sealed class Recovery(
    Hypervisor hypervisor,
    HostKernel kernel,
    GuestTable guests,
    Adoption adoption,
    GuestLifecycle lifecycle,
    Registrar registrar,
    Reachability reachability,
    DomainGate gate,
    AgentLog log)
{
    // Our choice: of the lines that tell of the kernel, so many are told.
    private const int MostLines = 20;

    /// <exception cref="RefusedException">It is refused, or has not helped; for one domain.</exception>
    public async Task<ControlReply> AnswerAsync(RecoverRequest request)
    {
        if (request.Domain is { } domain)
        {
            return new Done(await RecoverAsync(domain, request.As, request.DryRun));
        }

        var running = (await hypervisor.AskAsync(DomainSnapshot.Enrolled)).Where(each => each.IsActive && !each.IsBetweenHosts && Adoption.IsHere(each));
        return new RecoverReply(await Task.WhenAll(
            running.OrderBy(each => each.Name, StringComparer.Ordinal).Select(each => TryRecoverAsync(each.Uuid, request.As, request.DryRun))));
    }

    /// <summary>Recovers one.</summary>
    /// <param name="nameOrUuid">Its name or UUID.</param>
    /// <param name="asWhat">What the administrator says that it is.</param>
    /// <param name="isDryRun">Whether it is only told what would be done.</param>
    /// <returns>What is wrong, what was done, and how it is now.</returns>
    /// <exception cref="RefusedException">It is refused, or has not helped.</exception>
    /// <exception cref="MalformedXmlException">Its metadata cannot be read.</exception>
    public async Task<IReadOnlyList<string>> RecoverAsync(string nameOrUuid, RecoverAs asWhat, bool isDryRun)
    {
        var domain = await hypervisor.AskAsync(connection => DomainSnapshot.Find(connection, nameOrUuid));
        var uuid = domain?.Uuid ?? Known(nameOrUuid)?.Uuid ?? throw NotFound(nameOrUuid);
        if (domain is { Xml.IsEnrolled: false } && Known(nameOrUuid) is null)
        {
            throw new RefusedException($"{domain.Name} is not enrolled", ExitCode.NotFound);
        }

        var found = await FindAsync(domain, uuid, nameOrUuid);
        var plan = RecoveryPlan.Decide(found, asWhat);
        if (plan.Step == RecoveryStep.Refuse)
        {
            if (found.Domain == DomainIs.Off && asWhat != RecoverAs.Release)
            {
                // Metadata that cannot be read has to be mended wherever it runs.
                _ = domain!.Xml.ReadProfile();
            }

            throw found.Domain == DomainIs.Unknown ? NotFound(nameOrUuid) : new RefusedException(plan.Says);
        }

        IEnumerable<string> wrong = plan.Wrong.Count > 0 ? plan.Wrong.Select(each => $"{found.Name}: wrong: {each}") : [$"{found.Name}: nothing is wrong as far as this host can tell"];
        if (isDryRun)
        {
            return [.. wrong, $"{found.Name}: would do: {plan.Says}", .. Kernel("would change", found.Differences)];
        }

        foreach (var each in plan.Wrong)
        {
            log.Decision(found.Name, $"to be recovered: {each}");
        }

        return [.. wrong, .. plan.Step == RecoveryStep.Release ? await ReleaseAsync(uuid, found.Name) : await CarryOutAsync(uuid, nameOrUuid, asWhat)];
    }

    private async Task<DomainRecovery> TryRecoverAsync(Guid uuid, RecoverAs asWhat, bool isDryRun)
    {
        try
        {
            return new(await RecoverAsync(uuid.ToString(), asWhat, isDryRun), ExitCode.Done, null);
        }
        catch (Exception e) when (Adoption.IsRefusal(e))
        {
            return new([], (e as RefusedException)?.ExitCode ?? ExitCode.Refused, e.Message);
        }
        catch (LibvirtException e)
        {
            return new([], ExitCode.Libvirt, $"libvirt refused: {e.Message}");
        }
    }

    private async Task<IReadOnlyList<string>> ReleaseAsync(Guid uuid, string name)
    {
        var changes = await gate.PassAsync(uuid, () => Task.FromResult(lifecycle.Release(uuid)));
        log.Decision(name, $"released: its data path and state on {Environment.MachineName} are removed, {changes.Count} changes in the kernel");
        return [$"{name}: {Environment.MachineName} has let go of it", .. Kernel("", changes)];
    }

    private async Task<IReadOnlyList<string>> CarryOutAsync(Guid uuid, string nameOrUuid, RecoverAs asWhat)
    {
        var (guest, changes) = await gate.PassAsync(uuid, () => adoption.TakeUpAgainAsync(nameOrUuid, uuid, asWhat));
        registrar.Refresh(guest);
        var wrong = await registrar.SettleAsync(guest);
        var echoes = wrong is null ? await reachability.ProbeAsync(guest) : [];
        wrong ??= echoes.Where(echo => echo.Elapsed is null)
            .Select(echo => $"no echo comes back from the home agent {echo.HomeAgent} to {echo.HomeAddress} through the tunnel: something between drops protocol 41 or ICMPv6")
            .FirstOrDefault();
        log.Decision(
            guest.Name,
            $"recovered: {Describe.Place(guest)}, {changes.Count} changes in the kernel, {wrong ?? "reachable as far as this host can tell"}",
            failed: wrong is not null);
        return wrong is not null
            ? throw new RefusedException($"{guest.Name}: the data path stands ({changes.Count} changes), but {wrong}", ExitCode.Failed)
            :
            [
                $"{guest.Name}: {Describe.Place(guest)}",
                .. Kernel("", changes),
                .. echoes.Select(echo => string.Create(
                    CultureInfo.InvariantCulture,
                    $"{guest.Name}: an echo came back from the home agent {echo.HomeAgent} to {echo.HomeAddress} after {echo.Elapsed!.Value.TotalMilliseconds:0.0} ms")),
                $"{guest.Name}: reachable as far as this host can tell",
            ];
    }

    private async Task<Findings> FindAsync(DomainSnapshot? domain, Guid uuid, string nameOrUuid)
    {
        var guest = Known(uuid.ToString());
        var isServed = guests.TryFind(uuid, out var served);
        return new(
            domain?.Name ?? guest?.Name ?? nameOrUuid,
            domain is null ? DomainIs.Unknown : !domain.IsActive ? DomainIs.Off : Adoption.IsHere(domain) ? DomainIs.Here : DomainIs.Moving,
            domain?.State.ToString() ?? "",
            guest is not null,
            isServed && served is { Departure: not null } or { Arrival: not null },
            adoption.Problems.GetValueOrDefault(uuid),
            kernel.Compare(guests),
            served is null ? [] : await reachability.LookAsync(served));
    }

    private static IEnumerable<string> Kernel(string verb, IReadOnlyList<string> lines) =>
    [
        .. lines.Take(MostLines).Select(line => verb.Length > 0 ? $"kernel: {verb}: {line}" : $"kernel: {line}"),
        .. lines.Count > MostLines ? [$"kernel: and {lines.Count - MostLines} more"] : Array.Empty<string>(),
    ];

    /// <summary>A guest that this agent has, or has left something of.</summary>
    private Guest? Known(string nameOrUuid) => guests.All.Concat(guests.Departures).FirstOrDefault(
        guest => guest.Name == nameOrUuid || (Guid.TryParse(nameOrUuid, out var uuid) && guest.Uuid == uuid));

    private static RefusedException NotFound(string nameOrUuid) => new($"there is no domain '{nameOrUuid}' on this host", ExitCode.NotFound);
}
