namespace Kagemusha.Linux.Tests;

/// <summary>The window against all frames that were put into it.</summary>
public sealed class FrameWindowTests
{
    private const int MostFrames = 20;
    private const int Bytes = 1000;
    private const int Largest = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_keeps_the_last_frames_whole_and_as_many_as_it_must(int seed)
    {
        var random = new Random(seed);
        var window = new FrameWindow(MostFrames, Bytes, Largest);
        var all = new List<byte[]?>();
        for (var step = 0; step < 5000; step++)
        {
            if (random.Next(100) == 0)
            {
                window.Skip(2);
                all.AddRange([null, null]);
                Assert.Equal(window.Next, window.First);
                continue;
            }

            // Short ones by the dozen, then long ones: both bounds are met.
            var frame = new byte[random.Next(step / 100 % 2 == 0 ? 10 : Largest) + 1];
            random.NextBytes(frame);
            frame.CopyTo(window.Slot());
            window.Add(frame.Length);
            all.Add(frame);

            Assert.Equal(all.Count, window.Next);
            for (var number = window.First; number < window.Next; number++)
            {
                Assert.Equal(all[(int)number], window[number].ToArray());
            }

            var kept = all.AsEnumerable().Reverse().TakeWhile(one => one is not null).Take(MostFrames).ToList();
            var bytes = 0;
            Assert.InRange(window.Next - window.First, kept.TakeWhile(one => (bytes += one!.Length) <= Bytes - 2 * Largest).Count(), MostFrames);
        }
    }

    [Fact]
    public void A_frame_that_is_not_kept_is_not_given()
    {
        var window = new FrameWindow(MostFrames, Bytes, Largest);
        Assert.Throws<ArgumentOutOfRangeException>(() => window[0].Length);
        window.Slot();
        window.Add(10);
        Assert.Equal(10, window[0].Length);
        window.Skip(1);
        Assert.Throws<ArgumentOutOfRangeException>(() => window[0].Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => window[1].Length);
    }
}
