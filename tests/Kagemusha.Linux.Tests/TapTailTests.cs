using System.Globalization;
using System.Text;
using Kagemusha.Wire;

namespace Kagemusha.Linux.Tests;

/// <summary>
/// A tap whose reader the test is.
/// <code>
///     a packet socket of the host's ---- tap0 ---- the test, as QEMU
/// </code>
/// </summary>
[Trait("Needs", "kernel")]
public sealed class TapTailTests : IDisposable
{
    private const int ENODEV = 19;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);
    private static readonly LinkLayerAddress Guest = LinkLayerAddress.Parse("52:54:00:00:00:10");

    private readonly NetworkNamespace _host = new();
    private Kernel? _kernel;
    private Tap? _guest;
    private PacketSocket? _sender;
    private int _index;
    private int _sent;

    public void Dispose()
    {
        _guest?.Dispose();
        _sender?.Dispose();
        _kernel?.Dispose();
        _host.Dispose();
    }

    [Theory]
    [InlineData(false, 0, 0)]
    [InlineData(false, 3, 10)]
    [InlineData(true, 3, 10)]
    [InlineData(true, 10, 10)]
    [InlineData(true, 0, 900)]
    public void What_was_not_read_is_taken_and_then_only_what_comes_later(bool withOffloads, int read, int sent)
    {
        using var tail = Begin(withOffloads);
        Send(7);
        _guest!.Read(7);
        Settle(tail);
        var frames = Send(sent);
        Assert.Equal(frames[..read], _guest.Read(read));

        tail.GuestStopped();
        Assert.Equal(frames[read..], Exact(tail));
        Assert.Empty(Exact(tail));
        var later = Send(5);
        Assert.Equal(later, Exact(tail));
        Assert.Empty(Exact(tail));
        Assert.Equal([.. frames[read..], .. later], _guest.Read(sent - read + 5));
    }

    [Fact]
    public void A_tap_that_is_never_at_rest_is_seen_empty_too()
    {
        using var tail = Begin(withOffloads: true);
        var until = DateTime.UtcNow + Deadline;
        while (!tail.IsEmpty && DateTime.UtcNow < until)
        {
            Send(1);
            Thread.SpinWait(5000);
            _guest!.Read(1);
            Thread.SpinWait(5000);
        }

        var frames = Send(6);
        _guest!.Read(2);
        tail.GuestStopped();
        Assert.Equal(frames[2..], Exact(tail));
    }

    [Fact]
    public void What_waited_before_it_began_is_not_known_and_no_frame_that_was_read_is_given()
    {
        using var tail = Begin(withOffloads: true, waiting: 4);
        var frames = Send(10);
        _guest!.Read(6);
        tail.GuestStopped();
        // Two of the ten have been read, but it could have been six of them.
        var taken = tail.Take();
        Assert.False(taken.IsExact);
        Assert.Equal(frames[6..], Frames(taken));
        Assert.InRange(taken.AtMost, 8, 1064);
        Assert.Equal(Send(3), Exact(tail));
    }

    [Fact]
    public void A_tap_that_is_full_gives_what_it_took()
    {
        using var tail = Begin(withOffloads: false, queueLength: 20);
        Settle(tail);
        var frames = Send(15);
        _guest!.Read(5);
        tail.GuestStopped();
        frames.AddRange(Send(60));
        var accepted = Exact(tail);
        Assert.InRange(accepted.Count, 15, 22);
        Assert.Equal(frames.Skip(5).Take(accepted.Count), accepted);
        Assert.Equal(accepted, _guest.Read(accepted.Count));
        Assert.Null(_guest.Read());
    }

    [Fact]
    public void Frames_that_a_full_tap_dropped_while_it_was_read_make_it_inexact()
    {
        using var tail = Begin(withOffloads: false, queueLength: 20);
        Settle(tail);
        Send(60);
        _guest!.Read(10);
        Send(5);
        tail.GuestStopped();
        var taken = tail.Take();
        Assert.False(taken.IsExact);
        var waiting = new List<byte[]>();
        while (_guest.Read() is { } frame)
        {
            waiting.Add(frame);
        }

        Assert.Equal(waiting.Count, taken.AtMost);
        Assert.Equal(waiting[^5..], Frames(taken)[^5..]);
    }

    [Fact]
    public void More_than_is_kept_is_not_exact_and_what_is_kept_is_given()
    {
        using var tail = Begin(withOffloads: false, queueLength: 5000);
        Settle(tail);
        // These are 5.4 MB.
        _host.Ip("link set tap0 mtu 9200");
        var frames = Send(600, 9000);
        tail.GuestStopped();
        var taken = tail.Take();
        Assert.Equal((false, 600), (taken.IsExact, taken.AtMost));
        Assert.InRange(taken.Frames.Count, 400, 599);
        Assert.All(frames[^taken.Frames.Count..].Zip(Frames(taken)), both => Assert.True(both.First.AsSpan().SequenceEqual(both.Second)));
    }

    [Fact]
    public void Frames_for_which_the_socket_had_no_room_are_missed_and_said()
    {
        using var tail = Begin(withOffloads: false);
        tail.Socket.SetReceiveBuffer(10_000);
        Settle(tail);
        var sent = Send(500, 1000);
        tail.GuestStopped();
        var taken = tail.Take();
        Assert.Equal((false, 500), (taken.IsExact, taken.AtMost));
        Assert.Equal(sent[^taken.Frames.Count..], Frames(taken));
        Assert.Equal(Send(3), Exact(tail));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void The_frame_that_QEMU_read_for_a_guest_that_had_stopped_is_taken_when_it_has_polled_and_read_no_other(int waiting)
    {
        using var tail = Begin(withOffloads: true, readsOneMore: true);
        Settle(tail);
        var frames = Send(5 + waiting);
        _guest!.Read(5);
        tail.GuestStopped();
        Assert.Equal(frames[5..], Exact(tail));
        Assert.True(tail.IsInDoubt);
        tail.ReaderPolled();
        Assert.Equal([frames[4]], Exact(tail));
        Assert.False(tail.IsInDoubt);
        Assert.Equal(Send(2), Exact(tail));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public void When_another_is_read_later_that_was_the_one(int waiting)
    {
        using var tail = Begin(withOffloads: true, readsOneMore: true);
        Settle(tail);
        var frames = Send(5 + waiting);
        _guest!.Read(5);
        tail.GuestStopped();
        _guest.Read(1);
        Assert.Equal(frames[5..], Exact(tail));
        Assert.False(tail.IsInDoubt);
        tail.ReaderPolled();
        Assert.Empty(Exact(tail));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    public void With_heralds_what_QEMU_read_while_it_stopped_is_none_of_the_guests(int got, int sent)
    {
        using var tail = Begin(withOffloads: true, readsOneMore: true);
        _host.Run(() => _kernel!.Apply([new Filter("tap0", FilterHook.Egress, 1, new FlowerMatch { DestinationLinkLayer = Guest }, FilterAction.Herald)], DifferenceTests.Scope));
        Settle(tail);
        var frames = Send(sent);
        // To each frame its herald, which the guest's card does not take.
        var read = _guest!.Read(2 * got);
        Assert.Equal(frames[..got], read.Where((_, place) => place % 2 == 1));
        Assert.All(read.Where((_, place) => place % 2 == 0), herald => Assert.Equal(Filter.Nobody, LinkLayerAddress.Read(herald)));

        // While it stops it reads one, which is given up, and then one more.
        var whileStopping = sent > got ? _guest.Read(1) : [];
        var more = sent > got ? _guest.Read(1) : [];
        tail.GuestStopped();
        if (sent == got)
        {
            more = _guest.Read(1);
        }

        tail.ReaderPolled();
        Assert.Equal(frames[got..], Exact(tail).OrderBy(frame => frames.FindIndex(frame.SequenceEqual)));
        Assert.All(whileStopping, herald => Assert.Equal(Filter.Nobody, LinkLayerAddress.Read(herald)));
        Assert.Single(more);
    }

    [Fact]
    public void A_tap_that_goes_after_the_stop_leaves_what_has_come_known()
    {
        using var tail = Begin(withOffloads: true);
        Settle(tail);
        var frames = Send(3);
        tail.GuestStopped();
        _guest!.Dispose();
        _guest = null;
        Assert.Equal(frames, Exact(tail));
        Assert.Empty(Exact(tail));
    }

    [Fact]
    public void A_tap_that_has_gone_says_nothing()
    {
        using var tail = Begin(withOffloads: true);
        Settle(tail);
        Send(3);
        _guest!.Dispose();
        _guest = null;
        tail.GuestStopped();
        var taken = tail.Take();
        Assert.False(taken.IsExact);
        Assert.Empty(taken.Frames);
    }

    [Fact]
    public void One_that_is_not_there_is_an_error_and_the_guest_has_to_stop_first()
    {
        using var tail = Begin(withOffloads: true);
        Assert.Throws<InvalidOperationException>(tail.Take);
        _host.Run(() => Assert.Equal(ENODEV, Assert.Throws<KernelException>(() => new TapTail(_kernel!, 999, readsOneMore: false)).Errno));
    }

    [Fact]
    public void Several_taps_are_told_apart()
    {
        using var one = Begin(withOffloads: true);
        var (guest, sender) = (_guest!, _sender!);
        using (guest)
        using (sender)
        {
            using var other = Begin(withOffloads: false, name: "tap1");
            Settle(one);
            Settle(other);
            var frames = Send(4);
            _guest!.Read(1);
            one.GuestStopped();
            other.GuestStopped();
            Assert.Empty(Exact(one));
            Assert.Equal(frames[1..], Exact(other));
        }
    }

    private static List<byte[]> Exact(TapTail tail)
    {
        var taken = tail.Take();
        Assert.True(taken.IsExact);
        Assert.Equal(taken.Frames.Count, taken.AtMost);
        return Frames(taken);
    }

    /// <summary>The Ethernet frames behind the virtio_net headers.</summary>
    private static List<byte[]> Frames(Tail taken) => [.. taken.Frames.Select(frame => frame[PacketSocket.VirtioHeaderLength..].ToArray())];

    private static void Settle(TapTail tail) => Assert.True(SpinWait.SpinUntil(() => tail.IsEmpty, Deadline), "the tap was not seen empty");

    private TapTail Begin(bool withOffloads, int waiting = 0, int queueLength = 1000, bool readsOneMore = false, string name = "tap0") => _host.Run(() =>
    {
        // Or the host itself would say something there.
        _host.Execute("sysctl -q net.ipv6.conf.default.disable_ipv6=1");
        _guest = new(name, withOffloads);
        _host.Ip($"link set {name} txqueuelen {queueLength} up");
        _kernel ??= new();
        _index = _kernel.Interfaces().Find(name)!.Index;
        _sender = new(_index, PacketFilter.Nothing);
        Send(waiting);
        return new TapTail(_kernel, _index, readsOneMore);
    });

    /// <summary>Sends numbered frames to the guest.</summary>
    private List<byte[]> Send(int count, int size = 0)
    {
        var frames = new List<byte[]>();
        for (; count > 0; count--)
        {
            var text = string.Create(CultureInfo.InvariantCulture, $"frame {++_sent} ").PadRight(Math.Max(60, size), 'x');
            frames.Add(Packets.Frame(Guest, GuestSite.RouterLink, EtherType.Ipv6, Encoding.ASCII.GetBytes(text)));
            _sender!.Send(frames[^1]);
        }

        return frames;
    }
}
