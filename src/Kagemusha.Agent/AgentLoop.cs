using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>
/// The agent's one thread: everything that decides runs here, one piece at a time, in the order in which it came, but what must not wait. What
/// waits for the kernel, libvirt or a peer awaits, and goes on here.
/// </summary>
internal sealed class AgentLoop : SynchronizationContext
{
    private readonly object _gate = new();
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _urgent = [];
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _queue = [];
    private bool _hasEnded;

    /// <summary>Called on the loop after each piece that nothing urgent waits behind.</summary>
    public event Action? Worked;

    public override void Post(SendOrPostCallback d, object? state)
    {
        lock (_gate)
        {
            // What finishes after the loop has nobody to tell.
            if (!_hasEnded)
            {
                _queue.Enqueue((d, state));
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Runs on the loop from any thread.</summary>
    public void Post(Action action) => Post(static state => ((Action)state!)(), action);

    /// <summary>
    /// Runs on the loop from any thread, before all that waits there but what came in this way, too; not before <see cref="Wake"/>, if the loop sleeps. Where
    /// both threads share a processor, a loop that woke up for each of many would take it from whoever has more to post.
    /// </summary>
    public void PostUrgent(Action action)
    {
        lock (_gate)
        {
            if (!_hasEnded)
            {
                _urgent.Enqueue((static state => ((Action)state!)(), action));
            }
        }
    }

    /// <summary>All that came together has been posted.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            if (_urgent.Count > 0)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    /// <summary>Runs on the loop from any thread; the task is the result.</summary>
    public Task<T> Ask<T>(Func<Task<T>> question)
    {
        var answer = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(async () =>
        {
            try
            {
                answer.SetResult(await question());
            }
#pragma warning disable CA1031 // The exception goes to whoever asked.
            catch (Exception e)
#pragma warning restore CA1031
            {
                answer.SetException(e);
            }
        });
        return answer.Task;
    }

    /// <summary>Runs <paramref name="main"/> on the calling thread until it is done: packets wait for what is decided here.</summary>
    public void Run(Func<Task> main)
    {
        Scheduling.GoFirst();
        SetSynchronizationContext(this);
        var task = main();
        task.ContinueWith(_ => End(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        while (Next() is var (callback, state))
        {
            callback(state);
            if (!IsUrgentWaiting())
            {
                Worked?.Invoke();
            }
        }

        task.GetAwaiter().GetResult();
    }

    private void End()
    {
        lock (_gate)
        {
            _hasEnded = true;
            Monitor.Pulse(_gate);
        }
    }

    /// <summary>Waits for the next piece; null at the end.</summary>
    private (SendOrPostCallback Callback, object? State)? Next()
    {
        lock (_gate)
        {
            while (true)
            {
                if (_urgent.TryDequeue(out var piece) || _queue.TryDequeue(out piece))
                {
                    return piece;
                }

                if (_hasEnded)
                {
                    return null;
                }

                Monitor.Wait(_gate);
            }
        }
    }

    private bool IsUrgentWaiting()
    {
        lock (_gate)
        {
            return _urgent.Count > 0;
        }
    }
}
