namespace Kagemusha.Lab.Tests;

/// <summary>A migration that goes on copying memory until it is told to get on, or ends with this.</summary>
internal sealed class SlowMove : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly LabGuest _guest;
    private readonly Hypervisor _from;
    private readonly Command _migration;

    /// <summary>Returns when memory is being copied: 1 MiB a second.</summary>
    public SlowMove(LabGuest guest, Hypervisor from, Hypervisor to, params string[] options)
    {
        (_guest, _from) = (guest, from);
        _migration = new(from.Line("virsh", ["-q", "migrate", "--live", "--bandwidth", "1", .. options, guest.Domain, $"qemu+tcp://{to}/system"]));
        try
        {
            Wait.Until("memory is being copied", Patience, () => from.Virsh("domjobinfo", guest.Domain).Output.Has("Memory processed"));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Gets on as fast as it can.</summary>
    public void Hasten() => _from.Virsh("migrate-setspeed", _guest.Domain, "1000").Succeed();

    /// <summary>Runs the guest at the destination from now on, whose memory follows.</summary>
    public void SwitchToPostCopy() => _from.Virsh("migrate-postcopy", _guest.Domain).Succeed();

    /// <summary>Gives it up.</summary>
    public void Abort() => _from.Virsh("domjobabort", _guest.Domain).Succeed();

    /// <summary>Waits for its end.</summary>
    public CommandResult Finish() => _migration.Finish();

    public void Dispose()
    {
        if (!_migration.HasEnded)
        {
            _from.Virsh("domjobabort", _guest.Domain);
        }

        _migration.Dispose();
    }
}
