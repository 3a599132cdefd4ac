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
            Wait.Until("memory is being copied", Patience, () =>
                _migration.HasEnded || from.Virsh("domjobinfo", guest.Domain).Output.Has("Memory processed"));
            Assert.False(_migration.HasEnded, _migration.HasEnded ? $"the migration has ended: {_migration.Finish()}" : null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Gets on as fast as it can.</summary>
    public void Hasten() => Tell("migrate-setspeed", _guest.Domain, "1000");

    /// <summary>Runs the guest at the destination from now on, whose memory follows.</summary>
    public void SwitchToPostCopy() => Tell("migrate-postcopy", _guest.Domain);

    /// <summary>Gives it up.</summary>
    public void Abort() => Tell("domjobabort", _guest.Domain);

    /// <summary>Waits for its end.</summary>
    public CommandResult Finish() => _migration.Finish();

    private void Tell(params string[] words)
    {
        Assert.False(_migration.HasEnded, _migration.HasEnded ? $"the migration has ended: {_migration.Finish()}" : null);
        _from.Virsh(words).Succeed();
    }

    public void Dispose()
    {
        if (!_migration.HasEnded)
        {
            _from.Virsh("domjobabort", _guest.Domain);
        }

        _migration.Dispose();
    }
}
