namespace Kagemusha.Lab.Tests;

/// <summary>A second interface of the guest on its home link, plugged in at home, until it is disposed of.</summary>
internal sealed class SecondInterface : IDisposable
{
    public const string Mac = "52:54:00:00:00:12";
    public const string Address = "2001:db8:1:0:5054:ff:fe00:12";
    public const string AwayTap = "kg525400000012";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Lab _lab;
    private readonly LabGuest _guest;

    /// <summary>Returns when the guest answers at its address there; not enrolled.</summary>
    /// <param name="lab">The lab.</param>
    /// <param name="guest">The guest, at home.</param>
    public SecondInterface(Lab lab, LabGuest guest)
    {
        (_lab, _guest) = (lab, guest);
        guest.Shell("(until ip link set eth1 up; do sleep 1; done) >/dev/null 2>&1 &");
        Plug("attach-device", $"<interface type='bridge'><mac address='{Mac}'/><source bridge='br-home'/><model type='virtio'/></interface>").Succeed();
        Wait.Until($"{guest.Name} answers at {Address}", Patience, () => lab.Reaches(Address));
    }

    /// <summary>Enrolls it beside the first.</summary>
    /// <param name="options">More options of enroll.</param>
    public CommandResult Enroll(params string[] options)
    {
        // After a move something may still come through the last host.
        WaitUntilStill();
        return _lab.A.Hook(["enroll", "--interface", Mac, .. options, "--", _guest.Name]).Succeed();
    }

    /// <summary>Takes it from what is enrolled.</summary>
    public CommandResult Unenroll()
    {
        WaitUntilStill();
        return _lab.A.Hook("unenroll", "--interface", Mac, "--", _guest.Name).Succeed();
    }

    public void Dispose()
    {
        try
        {
            Unenroll();
            Plug("detach-device", $"<interface type='bridge'><mac address='{Mac}'/></interface>").Succeed();
            Wait.Until("it has gone", Patience, () => !_lab.A.Virsh("domiflist", _guest.Domain).Succeed().Output.Has(Mac));
        }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            // It was left elsewhere: the next test makes another guest.
            _guest.Destroy();
        }
    }

    private void WaitUntilStill() => Wait.Until("the last move has ended", Patience, () => _lab.A.Links("kg").Count == 0);

    private CommandResult Plug(string verb, string device) => Command.Run(_lab.A.Line("virsh", "-q", verb, _guest.Domain, "/dev/stdin", "--live"), device);
}
