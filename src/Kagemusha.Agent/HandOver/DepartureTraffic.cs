using Kagemusha.Control;
using Kagemusha.Linux;

namespace Kagemusha.Agent;

/// <summary>The packets of a guest that leaves, as the record of its move has them: to it and from it through the tunnel, which others share.</summary>
internal sealed class DepartureTraffic : IDisposable
{
    private readonly PacketCount _in;
    private readonly PacketCount _out;
    private long _tail;

    /// <exception cref="KernelException">No packet socket.</exception>
    public DepartureTraffic(Guest guest, NetworkInterface tunnel, MoveRecord move)
    {
        _in = new(at => move.AddFirst(MoveStep.FirstPacketIn, "to the next host", at));
        _out = new(at => move.AddFirst(MoveStep.FirstPacketOut, "from the next host", at));
        var addresses = guest.Registrations.Select(registration => registration.Address).ToList();
        try
        {
            _in.AddTo(addresses, tunnel, PacketDirection.Sent);
            _out.AddFrom(addresses, tunnel, PacketDirection.Received);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>How many were led to the next host, those of the tail among them.</summary>
    public long Forwarded => _in.Count;

    /// <summary>How many of the tail went behind packets that had come for the guest later.</summary>
    public long Reordered { get; private set; }

    /// <summary>So many frames of the tail are sent next.</summary>
    public void TailFollows(int frames)
    {
        if (Forwarded > _tail)
        {
            Reordered += frames;
        }

        _tail += frames;
    }

    public void Dispose()
    {
        _in.Dispose();
        _out.Dispose();
    }
}
