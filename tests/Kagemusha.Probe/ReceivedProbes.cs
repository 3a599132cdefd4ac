namespace Kagemusha.Probe;

/// <summary>Counts the probes of one direction as they come. All room is taken at the start.</summary>
internal sealed class ReceivedProbes
{
    private readonly long[] _at = new long[ProbePacket.MaximumCount];
    private readonly byte[] _copies = new byte[ProbePacket.MaximumCount];

    /// <summary>One more than the highest sequence number that came.</summary>
    public int Length { get; private set; }

    /// <summary>How many numbers came.</summary>
    public int Distinct { get; private set; }

    public ReadOnlySpan<long> At => _at.AsSpan(0, Length);

    public ReadOnlySpan<byte> Copies => _copies.AsSpan(0, Length);

    public void Clear()
    {
        _at.AsSpan(0, Length).Clear();
        _copies.AsSpan(0, Length).Clear();
        (Length, Distinct) = (0, 0);
    }

    public void Add(int sequence, long at)
    {
        Length = Math.Max(Length, sequence + 1);
        if (_copies[sequence] == 0)
        {
            _at[sequence] = at;
            Distinct++;
        }

        if (_copies[sequence] < byte.MaxValue)
        {
            _copies[sequence]++;
        }
    }
}
