using System.Collections.Concurrent;

namespace Kagemusha.Agent;

/// <summary>
/// The agent's one thread: everything that decides runs here, one piece at a time, in the order in which it came. What waits for the kernel,
/// libvirt or a peer awaits, and goes on here.
/// </summary>
internal sealed class AgentLoop : SynchronizationContext, IDisposable
{
    private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _queue = [];

    /// <summary>Called on the loop after each piece.</summary>
    public event Action? Worked;

    public override void Post(SendOrPostCallback d, object? state)
    {
        try
        {
            _queue.Add((d, state));
        }
        catch (InvalidOperationException)
        {
            // The loop has ended: what finishes after it has nobody to tell.
        }
    }

    /// <summary>Runs on the loop from any thread.</summary>
    public void Post(Action action) => Post(static state => ((Action)state!)(), action);

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

    /// <summary>Runs <paramref name="main"/> on the calling thread until it is done.</summary>
    public void Run(Func<Task> main)
    {
        SetSynchronizationContext(this);
        var task = main();
        task.ContinueWith(_ => _queue.CompleteAdding(), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        foreach (var (callback, state) in _queue.GetConsumingEnumerable())
        {
            callback(state);
            Worked?.Invoke();
        }

        task.GetAwaiter().GetResult();
    }

    public void Dispose() => _queue.Dispose();
}
