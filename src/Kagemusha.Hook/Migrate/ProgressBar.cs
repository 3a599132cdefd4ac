using System.Globalization;
using LibvirtSharp;

namespace Kagemusha.Hook;

/// <summary>How far a migration is, in one line that is written over itself on a terminal; elsewhere it says nothing.</summary>
internal sealed class ProgressBar : IDisposable
{
    private const int Width = 24;
    private const double MiB = 1 << 20;
    private const string EraseLine = "\r\e[K";

    private readonly bool _isSeen = !Console.IsErrorRedirected;
    private bool _isThere;

    /// <summary>Shows a job.</summary>
    public void Show(DomainJob job)
    {
        if (_isSeen)
        {
            Console.Error.Write(EraseLine + Line(job));
            _isThere = true;
        }
    }

    /// <summary>Says a line of its own.</summary>
    public void Say(string line)
    {
        Dispose();
        Console.Error.WriteLine(line);
    }

    /// <summary>Takes it away.</summary>
    public void Dispose()
    {
        if (_isThere)
        {
            Console.Error.Write(EraseLine);
            _isThere = false;
        }
    }

    /// <summary>The line: <c>[========>               ]  37 %  380 of 1024 MiB to go, 112 MiB/s, writes 3 MiB/s, pass 1</c>.</summary>
    public static string Line(DomainJob job)
    {
        var share = job.MemoryTotal == 0 ? 0 : 1 - Math.Min(1, (double)job.MemoryRemaining / job.MemoryTotal);
        var done = (int)(share * Width);
        var bar = new string('=', done) + (done < Width ? ">" : "");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"[{bar.PadRight(Width)}] {share * 100,3:0} %  {job.MemoryRemaining / MiB:0} of {job.MemoryTotal / MiB:0} MiB to go, {job.MemoryRate / MiB:0} MiB/s, the VM writes {job.DirtyRate / MiB:0} MiB/s, pass {job.Iteration}");
    }
}
