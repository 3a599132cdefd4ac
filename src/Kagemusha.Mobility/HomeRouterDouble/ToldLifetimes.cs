using Kagemusha.Wire;

namespace Kagemusha.Mobility;

/// <summary>A prefix' lifetimes as the home agent has told them.</summary>
/// <param name="ValidUntil">When it becomes invalid; null for never.</param>
/// <param name="PreferredUntil">When it becomes deprecated; null for never.</param>
internal readonly record struct ToldLifetimes(TimeSpan? ValidUntil, TimeSpan? PreferredUntil)
{
    // RFC 4861, section 4.6.2.
    private const uint Infinity = uint.MaxValue;

    public static ToldLifetimes Of(PrefixInformation prefix, TimeSpan now) => new(End(prefix.ValidLifetime, now), End(prefix.PreferredLifetime, now));

    public PrefixInformation PutInto(PrefixInformation prefix, TimeSpan now) => prefix with
    {
        ValidLifetime = Seconds(ValidUntil, now),
        PreferredLifetime = Seconds(PreferredUntil, now),
    };

    private static TimeSpan? End(uint lifetime, TimeSpan now) => lifetime == Infinity ? null : now + TimeSpan.FromSeconds(lifetime);

    private static uint Seconds(TimeSpan? until, TimeSpan now) =>
        until is { } end ? (uint)Math.Max(0, Math.Floor((end - now).TotalSeconds)) : Infinity;
}
