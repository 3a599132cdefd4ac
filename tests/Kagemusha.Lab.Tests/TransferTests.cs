using System.Globalization;

namespace Kagemusha.Lab.Tests;

/// <summary>Some megabytes to a guest that is away, and back from it at the same time: nothing stalls, and what a path takes is learnt.</summary>
[Trait("Takes", "long")]
public sealed class TransferTests(Lab lab)
{
    // Of TCP without a word from the other side.
    private static readonly TimeSpan Stall = TimeSpan.FromSeconds(10);

    [Fact]
    public void A_transfer_that_was_begun_at_home_goes_on_through_the_smaller_tunnel()
    {
        lab.VM.BeAt(lab.A);
        // Both may have been told of the tunnel when it was away before; the guest's default route keeps that until it boots.
        lab.VM.Boot(() => lab.A.Virsh("reset", lab.VM.Domain).Succeed());
        lab.Correspondent.Run("ip", "-6", "route", "flush", "cache").Succeed();
        using var tooBig = lab.Correspondent.Capture("eth0", "icmp6 and ip6[40] == 2");
        using var transfer = new Transfer(lab, megabytes: 3, lasting: true);
        lab.VM.Move(lab.A, lab.B).Succeed();
        lab.B.WaitForBinding(lab.VM.Name, "registered");
        transfer.AssertWhole();

        // Its segments were as large as the home link takes.
        tooBig.WaitFor("what the tunnel takes", line => line.Has("packet too big, mtu 1460"));
    }

    [Theory]
    [InlineData(1500)]
    [InlineData(1400)]
    [InlineData(1280)]
    public void A_transfer_with_a_correspondent_behind_a_smaller_MTU_is_whole(int mtu)
    {
        lab.VM.BeAt(lab.B);
        using var narrow = new NarrowPath(lab, mtu);
        using var tooBig = lab.B.Capture(lab.VM.AwayTap, "icmp6 and ip6[40] == 2");
        using var transfer = new Transfer(lab, megabytes: 3);
        transfer.AssertWhole();
        if (mtu < 1460)
        {
            tooBig.WaitFor("what the path takes", line => line.Has(string.Create(CultureInfo.InvariantCulture, $"packet too big, mtu {mtu}")));
        }
    }

    /// <summary>A way from the Internet to the correspondent node that takes less than its ends believe, until it is disposed of.</summary>
    private sealed class NarrowPath : IDisposable
    {
        private readonly Lab _lab;

        public NarrowPath(Lab lab, int mtu)
        {
            _lab = lab;
            Set(mtu, "advmss 1440");
        }

        public void Dispose() => Set(1500, "");

        private void Set(int mtu, string segments)
        {
            _lab.Core.Run("ip", "link", "set", "cn", "mtu", $"{mtu}").Succeed();
            _lab.Correspondent.Shell($"ip link set eth0 mtu {mtu}; ip route replace default via 2001:db8:f2::1 {segments}");
        }
    }

    /// <summary>Random bytes that the guest echoes (RFC 862).</summary>
    private sealed class Transfer : IDisposable
    {
        private const int Chunk = 50_000;
        private const string Lasts = "/tmp/lasts";
        private readonly Lab _lab;
        private readonly Command _command;

        /// <param name="lab">The lab.</param>
        /// <param name="megabytes">How many of them are sent as fast as they can be.</param>
        /// <param name="lasting">Whether some go before them, as long as the end is not wanted.</param>
        public Transfer(Lab lab, int megabytes, bool lasting = false)
        {
            _lab = lab;
            lab.Correspondent.Shell(lasting ? $"touch {Lasts}" : $"rm -f {Lasts}");
            _command = new(lab.Correspondent.Line("bash", "-ec", $"""
                head -c {megabytes * 1_000_000} /dev/urandom >/tmp/random
                send() (while [[ -e {Lasts} ]]; do head -c {Chunk} /tmp/random; sleep 0.1; done; cat /tmp/random)
                send | tee >(md5sum >/tmp/sent) | socat -T {Stall.TotalSeconds} -t {Stall.TotalSeconds} - TCP6:[{lab.VM.Address}]:7 | md5sum
                cat /tmp/sent
                """));
        }

        public void AssertWhole()
        {
            _lab.Correspondent.Shell($"rm -f {Lasts}");
            var sums = _command.Finish().Succeed().Lines;
            Assert.Equal(2, sums.Count);
            Assert.Equal(sums[0], sums[1]);
        }

        public void Dispose() => _command.Dispose();
    }
}
