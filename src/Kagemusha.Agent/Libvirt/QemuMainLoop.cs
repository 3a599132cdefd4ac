using Kagemusha.Control;
using LibvirtSharp;

namespace Kagemusha.Agent;

/// <summary>The main loop of a domain's QEMU, which polls its taps (if vhost does not) and answers libvirt.</summary>
internal static class QemuMainLoop
{
    // The first answer may be given in a round that had polled before the question came, the second in one that answers before it reads the taps.
    private const int Answers = 3;

    /// <summary>Waits until it has polled and read all taps once more. While a migration's last pages are sent, it stands still.</summary>
    /// <exception cref="LibvirtException">The domain has gone, or libvirt refused.</exception>
    /// <exception cref="RefusedException">libvirt does not answer.</exception>
    public static Task RoundAsync(Hypervisor hypervisor, Guid domain) => hypervisor.AskAsync(connection =>
    {
        using var running = connection.FindByUuid(domain) ?? throw new RefusedException($"libvirt does not know the domain {domain} any more", ExitCode.Libvirt);
        for (var answers = 1; answers < Answers; answers++)
        {
            _ = running.GetIOThreadCount();
        }

        return running.GetIOThreadCount();
    });
}
