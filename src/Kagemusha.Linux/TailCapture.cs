using System.Net.Sockets;

namespace Kagemusha.Linux;

/// <summary>The one thread that reads for all <see cref="TapTail"/>s of the process; it ends with the last of them.</summary>
internal static class TailCapture
{
    private static readonly Lock Gate = new();
    private static readonly Dictionary<Socket, TapTail> Tails = [];
    private static bool IsRunning;

    public static void Add(TapTail tail)
    {
        lock (Gate)
        {
            Tails.Add(tail.Socket.Underlying, tail);
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
            Tails.Remove(tail.Socket.Underlying);
        }
    }

    private static void Run()
    {
        while (true)
        {
            List<Socket> readable;
            List<TapTail> all;
            lock (Gate)
            {
                if (Tails.Count == 0)
                {
                    IsRunning = false;
                    return;
                }

                readable = [.. Tails.Keys];
                all = [.. Tails.Values];
            }

            try
            {
                Socket.Select(readable, null, null, TapTail.QuietInterval);
            }
            catch (Exception e) when (e is ObjectDisposedException or SocketException)
            {
                // One has just gone.
            }

            foreach (var tail in all)
            {
                try
                {
                    tail.Observe();
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
