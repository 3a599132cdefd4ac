namespace Kagemusha.Linux;

/// <summary>The one thread that attends to all <see cref="TapTail"/>s of the process. It begins with the first and ends with the last.</summary>
internal static class TailCapture
{
    /// <summary>Frames wait so long in the socket: to be woken for each one would cost more than to take it.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    private static readonly Lock Gate = new();
    private static readonly List<TapTail> Tails = [];
    private static bool IsRunning;

    public static void Add(TapTail tail)
    {
        lock (Gate)
        {
            Tails.Add(tail);
            if (!IsRunning)
            {
                IsRunning = true;
                new Thread(Run) { IsBackground = true, Name = "tail capture" }.Start();
            }
        }
    }

    public static void Remove(TapTail tail)
    {
        lock (Gate)
        {
            Tails.Remove(tail);
        }
    }

    private static void Run()
    {
        for (; ; Thread.Sleep(Interval))
        {
            TapTail[] tails;
            lock (Gate)
            {
                if (Tails.Count == 0)
                {
                    IsRunning = false;
                    return;
                }

                tails = [.. Tails];
            }

            foreach (var tail in tails)
            {
                try
                {
                    tail.Attend();
                }
                catch (KernelException)
                {
                    // Its tap is going away: who takes the tail hears of it.
                    Remove(tail);
                }
            }
        }
    }
}
