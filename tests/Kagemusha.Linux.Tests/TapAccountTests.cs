namespace Kagemusha.Linux.Tests;

/// <summary>What is concluded about a tap, against a tap that is known.</summary>
public sealed class TapAccountTests
{
    /// <summary>A tap's queue with its counts.</summary>
    private sealed class KnownTap(int queueLength, long readBefore = 0, int waitingBefore = 0)
    {
        private readonly Queue<long> _queue = new(Enumerable.Range(-waitingBefore, waitingBefore).Select(number => (long)number));

        public TapCounts Counts { get; private set; } = new(0, readBefore, 0);

        public IEnumerable<long> Queue => _queue;

        public long LastRead { get; private set; } = long.MinValue;

        public KnownTap Send(int count = 1)
        {
            for (; count > 0; count--)
            {
                if (_queue.Count < queueLength)
                {
                    _queue.Enqueue(Counts.Seen);
                    Counts = Counts with { Seen = Counts.Seen + 1 };
                }
                else
                {
                    Counts = Counts with { Seen = Counts.Seen + 1, Dropped = Counts.Dropped + 1 };
                }
            }

            return this;
        }

        public KnownTap Read(int count = int.MaxValue)
        {
            for (; count > 0 && _queue.TryDequeue(out var number); count--)
            {
                LastRead = number;
                Counts = Counts with { Read = Counts.Read + 1 };
            }

            return this;
        }
    }

    [Fact]
    public void Frames_that_were_not_read_are_known_once_the_tap_was_seen_empty()
    {
        var tap = new KnownTap(1000, readBefore: 12345, waitingBefore: 3);
        var account = new TapAccount();
        account.Add(tap.Counts, true);
        tap.Send(4).Read();
        Rest(account, tap);
        tap.Send(10);
        account.Add(tap.Counts, true);
        Assert.False(account.IsEmpty);
        tap.Read(4).Send(5);
        Assert.Equal(new Unread(8, 19, true, 0), account.Conclude(tap.Counts));
        Assert.Equal(new Unread(8, 21, true, 0), account.Conclude(tap.Send(2).Counts));
    }

    [Fact]
    public void A_busy_tap_was_empty_where_it_is_seen_at_its_least_again_and_again()
    {
        var tap = new KnownTap(1000, waitingBefore: 2);
        var account = new TapAccount();
        for (var i = 0; i < TapAccount.Sightings; i++)
        {
            Assert.False(account.Conclude(tap.Counts).WasSeenEmpty);
            account.Add(tap.Send(7).Read(3).Counts, true);
            account.Add(tap.Send(7).Read().Counts, true);
        }

        Assert.Equal(new Unread(70, 71, true, 0), account.Conclude(tap.Send().Counts));
    }

    [Fact]
    public void A_lower_least_takes_back_what_was_taken_for_empty()
    {
        var tap = new KnownTap(1000, waitingBefore: 2);
        var account = new TapAccount();
        Rest(account, tap);
        account.Add(tap.Read(1).Counts, true);
        Assert.False(account.IsEmpty);
        Assert.False(account.Conclude(tap.Counts).WasSeenEmpty);
        Rest(account, tap.Read());
        Assert.Equal(new Unread(0, 2, true, 0), account.Conclude(tap.Send(2).Counts));
    }

    [Fact]
    public void A_sample_into_which_frames_came_does_not_show_an_empty_tap()
    {
        var account = new TapAccount();
        for (var i = 0; i < 10; i++)
        {
            account.Add(new KnownTap(1000).Counts, false);
        }

        Assert.False(account.IsEmpty);
    }

    [Fact]
    public void What_a_full_tap_dropped_when_nobody_read_is_the_last()
    {
        var tap = new KnownTap(10);
        var account = new TapAccount();
        Rest(account, tap.Send(5).Read());
        tap.Send(4).Read(2);
        account.Add(tap.Counts, true);
        Assert.Equal(new Unread(7, 17, true, 5), account.Conclude(tap.Send(20).Counts));
    }

    [Fact]
    public void What_it_dropped_while_the_guest_read_is_anywhere()
    {
        var tap = new KnownTap(10);
        var account = new TapAccount();
        Rest(account, tap);
        tap.Send(15).Read(3).Send(1);
        var unread = account.Conclude(tap.Counts);
        Assert.True(unread.MixedUntil > unread.Start);
        Rest(account, tap.Read());
        unread = account.Conclude(tap.Send(3).Counts);
        Assert.Equal((16, 19, true), (unread.Start, unread.End, unread.WasSeenEmpty));
        Assert.True(unread.MixedUntil <= unread.Start);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void None_that_was_read_is_ever_given_and_what_is_exact_is(int seed)
    {
        var random = new Random(seed);
        var exact = 0;
        for (var run = 0; run < 2000; run++)
        {
            var tap = new KnownTap(random.Next(5, 30), random.Next(100), random.Next(4));
            var account = new TapAccount();
            for (var step = random.Next(40); step >= 0; step--)
            {
                tap.Send(random.Next(random.Next(10) == 0 ? 40 : 6));
                // Like a running guest: it reads what there is, but for a moment now and then.
                tap.Read(random.Next(6) == 0 ? random.Next(4) : int.MaxValue);
                account.Add(tap.Counts, random.Next(5) > 0);
            }

            tap.Send(random.Next(10)).Read(random.Next(10));
            if (random.Next(2) == 0)
            {
                account.Add(tap.Counts, true);
            }

            tap.Send(random.Next(random.Next(2) == 0 ? 4 : 40));
            var unread = account.Conclude(tap.Counts);
            Assert.True(unread.Start > tap.LastRead, $"run {run}: {unread}, but {tap.LastRead} was read");
            if (unread.WasSeenEmpty && unread.MixedUntil <= unread.Start)
            {
                exact++;
                Assert.Equal(tap.Queue, Enumerable.Range(0, (int)(unread.End - unread.Start)).Select(at => unread.Start + at));
            }
        }

        Assert.InRange(exact, 300, 2000);
    }

    private static void Rest(TapAccount account, KnownTap tap)
    {
        for (var i = 0; i <= TapAccount.Sightings; i++)
        {
            account.Add(tap.Counts, true);
        }

        Assert.True(account.IsEmpty);
    }
}
