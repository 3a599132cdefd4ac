namespace Kagemusha.Mobility;

/// <summary>
/// The sequence numbers of one home registration (RFC 6275, section 9.5.1): each greater than the one before, modulo 2^16.
/// They are reserved in blocks, so that stable storage is written once for a block and not for each update.
/// </summary>
/// <param name="reservedThrough">The last number that may have been used before.</param>
internal struct SequenceCounter(ushort reservedThrough)
{
    /// <summary>How many numbers are reserved at once.</summary>
    internal const ushort BlockSize = 64;

    private ushort _last = reservedThrough;

    /// <summary>The last number that is reserved.</summary>
    public ushort ReservedThrough { get; private set; } = reservedThrough;

    /// <summary>Takes the next number.</summary>
    /// <param name="reserved">Whether a new block had to be reserved for it.</param>
    public ushort Take(out bool reserved)
    {
        reserved = Reserve();
        return ++_last;
    }

    /// <summary>Reserves a block, unless the next number is reserved.</summary>
    /// <returns>Whether one had to be.</returns>
    public bool Reserve()
    {
        if (_last != ReservedThrough)
        {
            return false;
        }

        ReservedThrough += BlockSize;
        return true;
    }

    /// <summary>Continues behind the number that the home agent accepted last, as status 135 gives it.</summary>
    /// <returns>False where a greater one has been sent since, so that the answer is out of date.</returns>
    public bool TryResumeBehind(ushort accepted)
    {
        // What the home agent takes for "less than or equal": the last number and the 32768 before it.
        if ((ushort)(accepted - _last) > 0x8000)
        {
            return false;
        }

        if ((ushort)(accepted - _last) > (ushort)(ReservedThrough - _last))
        {
            ReservedThrough = accepted;
        }

        _last = accepted;
        return true;
    }
}
