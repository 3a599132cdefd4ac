namespace Kagemusha.Lab.Tests;

/// <summary>A home site that is far away as long as this lives: all that goes to it and comes from it is late by so much.</summary>
internal sealed class HomeDistance : IDisposable
{
    private readonly (Box Box, string Link, string Neighbour)[] _ends;
    private readonly TimeSpan _oneWay;

    public HomeDistance(Lab lab, TimeSpan oneWay)
    {
        _ends = [(lab.Core, "home", "2001:db8:f1::2"), (lab.Home, "wan", "2001:db8:f1::1")];
        _oneWay = oneWay;
        foreach (var (at, (box, link, neighbour)) in _ends.Index())
        {
            // Their neighbour discovery is not to wait for it (RFC 4861, section 10: three probes, one each second).
            var other = _ends[1 - at];
            var address = other.Box.Run("ip", "-br", "link", "show", "dev", other.Link).Succeed().Output.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2];
            box.Run("ip", "-6", "neigh", "replace", neighbour, "lladdr", address, "dev", link, "nud", "permanent").Succeed();
            box.Run("tc", "qdisc", "replace", "dev", link, "root", "netem", "delay", $"{oneWay.TotalMilliseconds}ms", "limit", "100000").Succeed();
        }
    }

    public void Dispose()
    {
        foreach (var (box, link, _) in _ends)
        {
            box.Run("tc", "qdisc", "change", "dev", link, "root", "netem", "delay", "0ms", "limit", "100000").Succeed();
        }

        // What waits there already comes when its time has come.
        foreach (var (box, link, neighbour) in _ends)
        {
            Wait.Until($"nothing waits on {box} for {link}", _oneWay + TimeSpan.FromSeconds(10), () =>
                box.Run("tc", "-s", "qdisc", "show", "dev", link).Succeed().Output.Has("backlog 0b 0p"));
            box.Run("tc", "qdisc", "delete", "dev", link, "root").Succeed();
            box.Run("ip", "-6", "neigh", "delete", neighbour, "dev", link).Succeed();
        }
    }
}
