namespace Kagemusha.Lab.Tests;

/// <summary>Home addresses that nobody has given.</summary>
[Trait("Takes", "long")]
public sealed class HomeAddressTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(45);

    private readonly Lab _lab;
    private readonly LabGuest _guest;

    public HomeAddressTests(Lab lab) => (_lab, _guest) = (lab, lab.Dash);

    [Fact]
    public void Where_no_address_is_known_yet_a_guest_does_not_leave_and_the_first_is_learnt_when_it_is_used()
    {
        _guest.BeAt(_lab.A);
        _lab.A.Hook("unenroll", "--", _guest.Name).Succeed();
        _lab.A.Virsh("suspend", _guest.Domain).Succeed();
        Assert.Contains(_lab.A.Hook("enroll", "--", _guest.Name).Succeed().Lines, line => line.Has("no home address is known yet"));
        Assert.Equal([""], _lab.A.Addresses(_guest.Name).Keys);
        Assert.Contains("no home address", Problems(_lab.A), StringComparison.Ordinal);

        Assert.Contains("no home address", _guest.Move(_lab.A, _lab.B).OneError(), StringComparison.Ordinal);

        _lab.A.Virsh("resume", _guest.Domain).Succeed();
        _lab.Home.Shell("ip -6 neigh flush dev lan");
        _guest.WaitUntilReachable();
        WaitForAddress(_lab.A, _guest.Address);
    }

    [Fact]
    public void Enrolled_without_more_a_guest_moves_with_the_addresses_that_it_uses()
    {
        _guest.BeAt(_lab.A);
        _lab.A.Hook("unenroll", "--", _guest.Name).Succeed();
        var lines = _lab.A.Hook("enroll", "--", _guest.Name).Succeed().Lines;
        Assert.Contains(lines, line => line.Has($"home agent {HomeBox.Address}"));
        Assert.Contains(lines, line => line.Has($"home addresses: {_guest.Address};"));
        Assert.Equal("learnt", _lab.A.Addresses(_guest.Name)[_guest.Address].GetProperty("origin").GetString());

        using (new HomeNeighbour(_lab))
        {
            Use(HomeNeighbour.Address);
            _guest.Shell("ip address add 2001:db8:1::a1/64 dev eth0");
            WaitForAddress(_lab.A, "2001:db8:1::a1");
            Assert.Equal([_guest.Address, "2001:db8:1::a1"], _lab.A.Addresses(_guest.Name).Keys);
            _guest.Shell($"ip address del {HomeNeighbour.Address}/64 dev eth0");
        }

        _guest.Move(_lab.A, _lab.B).Succeed();
        _guest.WaitUntilReachable();
        WaitUntilReachable("2001:db8:1::a1");
    }

    [Fact]
    public void A_new_address_while_away_is_registered_and_one_that_somebody_has_at_home_is_reported()
    {
        _guest.BeAt(_lab.B);
        using var neighbour = new HomeNeighbour(_lab);
        _guest.Shell($"ip address add 2001:db8:1::b1/64 dev eth0; ip address add {HomeNeighbour.Address}/64 dev eth0");

        WaitUntilReachable("2001:db8:1::b1");
        Wait.Until(
            $"{HomeNeighbour.Address} is refused",
            Patience,
            () => _lab.B.Addresses(_guest.Name).TryGetValue(HomeNeighbour.Address, out var status) && status.GetProperty("binding").GetString() == "refused (134)");
        Assert.Contains("duplicate address detection failed", Problems(_lab.B), StringComparison.Ordinal);
        Assert.Contains(_lab.B.DomainLog(_guest.Name).Split('\n'), line => line.Has(HomeNeighbour.Address) && line.Has("status 134"));
        Assert.Equal("registered", _lab.B.Addresses(_guest.Name)["2001:db8:1::b1"].GetProperty("binding").GetString());
        Assert.True(_lab.Reaches(_guest.Address));
        _guest.Shell($"ip address del {HomeNeighbour.Address}/64 dev eth0");
    }

    [Fact]
    public void An_address_of_another_guest_on_the_same_host_is_not_served()
    {
        _guest.BeAt(_lab.B);
        _lab.VM.BeAt(_lab.B);

        Use(_lab.VM.Address);

        Wait.Until("it is reported", Patience, () => Problems(_lab.B).Has($"{_lab.VM.Address} is not served"));
        Assert.Contains($"{_lab.VM.Address} is not served: {_lab.VM.Name}", _lab.B.DomainLog(_guest.Name), StringComparison.Ordinal);
        Assert.DoesNotContain(_lab.VM.Address, _lab.B.Addresses(_guest.Name).Keys);
        Assert.True(_lab.Reaches(_lab.VM.Address));
        _guest.Shell($"ip address del {_lab.VM.Address}/64 dev eth0");
    }

    [Fact]
    public void No_more_than_sixteen_are_learnt()
    {
        _guest.BeAt(_lab.B);

        _guest.Shell("for i in $(seq 10 34); do ip address add 2001:db8:1::c$i/64 dev eth0; done");

        Wait.Until("the limit is reported", Patience, () => Problems(_lab.B).Has("16 that are learnt"));
        // One that is not served is known, too.
        var learnt = _lab.B.Addresses(_guest.Name).Values.Count(status => status.GetProperty("origin").GetString() == "learnt");
        Assert.Equal(16, learnt + Problems(_lab.B).Split('\n').Count(problem => problem.Has("is not served")));
        Assert.Single(_lab.B.DomainLog(_guest.Name).Split('\n'), line => line.Has("16 that are learnt"));
        Assert.True(_lab.Reaches(_guest.Address));
    }

    /// <summary>The guest takes an address without asking whether somebody has it, and speaks to its router from there.</summary>
    private void Use(string address) => _guest.Shell($"""
        cd /proc/sys/net/ipv6/conf
        echo 0 >all/accept_dad; echo 0 >eth0/accept_dad
        ip address add {address}/64 dev eth0
        ip neigh flush dev eth0
        ping -c 1 -W 1 -I {address} {HomeBox.Address}
        echo 1 >all/accept_dad; echo 1 >eth0/accept_dad
        """);

    /// <summary>All that our agent says is wrong with the guest.</summary>
    private string Problems(Hypervisor host) => string.Join(
        '\n', host.Addresses(_guest.Name).Values.SelectMany(status => status.GetProperty("problems").EnumerateArray()).Select(problem => problem.GetString()));

    private void WaitForAddress(Hypervisor host, string address) =>
        Wait.Until($"{address} is learnt on {host}", Patience, () => host.Addresses(_guest.Name).ContainsKey(address));

    private void WaitUntilReachable(string address) => Wait.Until($"{address} answers", Patience, () => _lab.Reaches(address));
}
