namespace Kagemusha.Lab.Tests;

/// <summary>Has the home router advertise lifetimes of some seconds, which a guest is then enrolled with, until it is disposed of.</summary>
internal sealed class ShortAdvertisements : IDisposable
{
    /// <summary>The router lifetime, and the preferred one of the prefix: the valid one is twice as long.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(4);

    private readonly Lab _lab;
    private readonly LabGuest _guest;

    /// <param name="lab">The lab.</param>
    /// <param name="guest">A guest that is at home, and is again in the end.</param>
    public ShortAdvertisements(Lab lab, LabGuest guest)
    {
        (_lab, _guest) = (lab, guest);
        lab.Home.Shell($"""
            cp /etc/radvd.conf /etc/radvd.conf.long
            sed -e 's/MinRtrAdvInterval .*/MinRtrAdvInterval 0.5;/' -e 's/MaxRtrAdvInterval .*/MaxRtrAdvInterval 1;/' \
              -e 's/AdvDefaultLifetime .*/AdvDefaultLifetime {Lifetime.TotalSeconds};/' \
              -e 's/AdvOnLink on;/& AdvValidLifetime {2 * Lifetime.TotalSeconds}; AdvPreferredLifetime {Lifetime.TotalSeconds};/' \
              /etc/radvd.conf.long >/etc/radvd.conf
            """);
        Advertise();
    }

    public void Dispose()
    {
        _lab.Home.Shell("mv /etc/radvd.conf.long /etc/radvd.conf");
        Advertise();
    }

    private void Advertise()
    {
        using var advertisements = _lab.HomeLink.Capture("home", "icmp6 and ip6[40] == 134");
        _lab.Home.Shell("kill -HUP $(cat /run/radvd.pid)");
        advertisements.WaitFor("an advertisement", line => line.Has("router advertisement"));
        _lab.A.Hook("unenroll", "--", _guest.Name).Succeed();
        _guest.Enroll();
    }
}
