using System.Globalization;

namespace Kagemusha.Agent.Tests;

public sealed class AgentLoopTests
{
    [Fact]
    public async Task Pieces_run_on_one_thread_in_the_order_in_which_they_came() => await OnLoop(async loop =>
    {
        var thread = Environment.CurrentManagedThreadId;
        var ran = new List<(int Piece, int Thread)>();
        var done = new TaskCompletionSource();
        await Task.Run(
            () =>
            {
                for (var piece = 0; piece < 1000; piece++)
                {
                    var number = piece;
                    loop.Post(() => ran.Add((number, Environment.CurrentManagedThreadId)));
                }

                loop.Post(done.SetResult);
            },
            TestContext.Current.CancellationToken);
        await done.Task;

        Assert.Equal(Enumerable.Range(0, 1000).Select(piece => (piece, thread)), ran);
    });

    [Fact]
    public async Task Its_thread_goes_before_others_and_those_that_it_makes_do_not() => await OnLoop(_ =>
    {
        var (here, there) = (Nice(), 0);
        var made = new Thread(() => there = Nice());
        made.Start();
        made.Join();
        Assert.Equal((-10, 0), (here, there));
        return Task.CompletedTask;

        // proc_pid_stat(5): the seventeenth value after the name.
        static int Nice() => int.Parse(File.ReadAllText("/proc/thread-self/stat").Split(") ")[1].Split(' ')[16], CultureInfo.InvariantCulture);
    });

    [Fact]
    public async Task What_awaits_goes_on_on_the_loops_thread() => await OnLoop(async _ =>
    {
        var thread = Environment.CurrentManagedThreadId;
        Assert.NotEqual(thread, await Task.Run(() => Environment.CurrentManagedThreadId, TestContext.Current.CancellationToken));
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        await Task.Yield();
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
    });

    [Fact]
    public async Task Two_that_never_pause_but_to_yield_take_turns() => await OnLoop(async _ =>
    {
        var turns = new List<char>();
        await Task.WhenAll(Take('a'), Take('b'));
        Assert.Equal("abababab", string.Concat(turns));

        async Task Take(char name)
        {
            for (var i = 0; i < 4; i++)
            {
                turns.Add(name);
                await Task.Yield();
            }
        }
    });

    [Fact]
    public async Task An_answer_and_an_exception_reach_who_asked_and_the_loop_goes_on() => await OnLoop(async loop =>
    {
        var thread = Environment.CurrentManagedThreadId;
        await Task.Run(
            async () =>
            {
                await Assert.ThrowsAsync<RefusedException>(() => loop.Ask<int>(() => throw new RefusedException("at once")));
                await Assert.ThrowsAsync<RefusedException>(() => loop.Ask<int>(async () =>
                {
                    await Task.Yield();
                    throw new RefusedException("later");
                }));
                Assert.Equal(thread, await loop.Ask(() => Task.FromResult(Environment.CurrentManagedThreadId)));
            },
            TestContext.Current.CancellationToken);
    });

    [Fact]
    public async Task Each_piece_is_followed_by_its_event() => await OnLoop(async loop =>
    {
        var story = new List<string>();
        loop.Worked += () => story.Add("worked");
        loop.Post(() => story.Add("one"));
        loop.Post(() => story.Add("two"));
        await Task.Yield();
        Assert.Equal(["one", "worked", "two", "worked"], story);
    });

    [Fact]
    public async Task What_is_urgent_overtakes_all_that_waits_and_keeps_its_own_order() => await OnLoop(async loop =>
    {
        var story = new List<string>();
        loop.Worked += () => story.Add("worked");
        loop.Post(() =>
        {
            story.Add("one");
            loop.PostUrgent(() => story.Add("first"));
            loop.PostUrgent(() => story.Add("second"));
        });
        loop.Post(() => story.Add("two"));
        await Task.Yield();
        Assert.Equal(["one", "first", "second", "worked", "two", "worked"], story);
    });

    [Fact]
    public async Task What_is_urgent_wakes_a_loop_that_sleeps_when_all_of_it_has_been_posted() => await OnLoop(async loop =>
    {
        var story = new List<string>();
        var ran = new TaskCompletionSource();
        var other = new Thread(() =>
        {
            loop.PostUrgent(() => story.Add("first"));
            loop.PostUrgent(() =>
            {
                story.Add("second");
                ran.SetResult();
            });
            loop.Wake();
        });
        other.Start();
        await ran.Task;
        other.Join();
        Assert.Equal(["first", "second"], story);
    });

    [Fact]
    public async Task An_exception_of_the_main_task_ends_the_loop_and_so_does_one_that_nobody_waits_for()
    {
        await Assert.ThrowsAsync<RefusedException>(() => OnLoop(async _ =>
        {
            await Task.Yield();
            throw new RefusedException("the main task");
        }));
        await Assert.ThrowsAsync<RefusedException>(() => OnLoop(async loop =>
        {
            loop.Post(() => throw new RefusedException("a piece"));
            await new TaskCompletionSource().Task;
        }));
    }

    [Fact]
    public void What_comes_after_the_end_is_dropped()
    {
        var thread = new Thread(() =>
        {
            var loop = new AgentLoop();
            loop.Run(() => Task.CompletedTask);
            loop.Post(() => throw new InvalidOperationException("it ran"));
            loop.PostUrgent(() => throw new InvalidOperationException("it ran"));
        });
        thread.Start();
        thread.Join();
    }

    /// <summary>Runs on the thread of a loop that ends with it.</summary>
    internal static Task OnLoop(Func<AgentLoop, Task> main) => Task.Factory.StartNew(
        () =>
        {
            var loop = new AgentLoop();
            var before = SynchronizationContext.Current;
            try
            {
                loop.Run(async () => await main(loop));
            }
            finally
            {
                SynchronizationContext.SetSynchronizationContext(before);
            }
        },
        TestContext.Current.CancellationToken,
        TaskCreationOptions.LongRunning,
        TaskScheduler.Default).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
}
