using Kagemusha.MoveReport;

namespace Kagemusha.Lab.Tests;

/// <summary>All frames that pass an Ethernet interface of a box while it lasts.</summary>
internal sealed class Recording : Tcpdump
{
    private readonly string _file;

    /// <summary>Returns when it listens.</summary>
    /// <param name="lab">The lab, in whose directory the frames are written.</param>
    /// <param name="box">The box.</param>
    /// <param name="link">The interface.</param>
    public Recording(Lab lab, Box box, string link)
        : this(box, link, Path.Combine(lab.Out, $"{box}-{link}.pcap"))
    {
    }

    private Recording(Box box, string link, string file)
        : base(box, link, ["-U", "-w", file]) => _file = file;

    /// <summary>Waits for a frame.</summary>
    /// <param name="what">What it is, for whoever reads the failure.</param>
    /// <param name="wanted">Whether a frame is it.</param>
    public void WaitFor(string what, Func<ReadOnlyMemory<byte>, bool> wanted) => Wait.Until(what, Patience, () =>
    {
        try
        {
            return Frames().Any(wanted);
        }
        catch (InvalidDataException)
        {
            return false; // it is writing one
        }
    });

    /// <summary>Ends it.</summary>
    /// <returns>All that it has seen.</returns>
    public IReadOnlyList<ReadOnlyMemory<byte>> Stop()
    {
        Interrupt();
        return [.. Frames()];
    }

    private IEnumerable<ReadOnlyMemory<byte>> Frames() => PcapFile.Read(_file, PcapFile.Ethernet).Select(frame => frame.Data);
}
