using System.Globalization;
using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>A guest whose IPv6 is not Linux's, but a program's that does what the standards allow and Linux does not: tests/Kagemusha.StrictNode.</summary>
[Trait("Takes", "long")]
public sealed partial class StrictNodeTests(Lab lab)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly LabGuest _guest = lab.Dash;

    [GeneratedRegex(@"STRICT (?<addresses>\S*) reachable (?<reachable>\d+) advertisements (?<advertisements>\d+) complaints (?<complaints>.*)")]
    private static partial Regex Report { get; }

    [Fact]
    public void A_node_that_is_stricter_than_Linux_finds_its_link_as_it_was_away_and_home_again()
    {
        _guest.BeAt(lab.A);
        _guest.Shell("(sleep 1; echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6; exec kagemusha-strict-node eth0) </dev/null >/dev/ttyS0 2>&1 &");
        try
        {
            Wait.Until("it has its address", Patience, () => Last() is { } report && report.Groups["addresses"].Value == _guest.Address);
            using var pings = new Pings(lab.Correspondent, _guest.Address);
            WaitForSome();
            _guest.Move(lab.A, lab.B).Succeed();
            WaitForSome();
            _guest.Move(lab.B, lab.A).Succeed();
            WaitForSome();
            var (sent, answered) = pings.Stop();
            Assert.Equal(sent, answered);
            Assert.Equal("(0, 0, 0, 0)", Last()!.Groups["complaints"].Value);
        }
        finally
        {
            // It is Linux again.
            if (_guest.Host is { } host)
            {
                _guest.Boot(() => host.Virsh("reset", _guest.Domain).Succeed());
            }
        }
    }

    /// <summary>Waits until it has asked for its router and been answered some more.</summary>
    private void WaitForSome()
    {
        var (reachable, advertisements) = (Number("reachable"), Number("advertisements"));
        Wait.Until("its router answers it", Patience, () => Number("reachable") >= reachable + 2 && Number("advertisements") >= advertisements + 2);
    }

    private int Number(string group) => int.Parse(Last()!.Groups[group].ValueSpan, CultureInfo.InvariantCulture);

    private Match? Last() => _guest.Console.Select(line => Report.Match(line)).LastOrDefault(match => match.Success);
}
