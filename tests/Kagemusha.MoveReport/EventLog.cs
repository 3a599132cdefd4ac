using System.Globalization;
using System.Text.RegularExpressions;

namespace Kagemusha.MoveReport;

/// <summary>A lifecycle event of a domain.</summary>
/// <param name="At">Nanoseconds since 1970, as virsh got it: to the millisecond.</param>
/// <param name="What">The event and its detail in virsh's words, <c>Suspended Migrated</c> for 3/1.</param>
internal readonly record struct DomainEvent(long At, string What);

/// <summary>Reads what <c>virsh event --all --loop --timestamp</c> prints.</summary>
internal static partial class EventLog
{
    public const string SuspendedMigrated = "Suspended Migrated";
    public const string SuspendedPostCopy = "Suspended Post-copy";
    public const string ResumedMigrated = "Resumed Migrated";
    public const string ResumedPostCopy = "Resumed Post-copy";

    /// <summary>The lifecycle events of one domain, in their order.</summary>
    public static IReadOnlyList<DomainEvent> Read(IEnumerable<string> lines, string domain) =>
    [
        .. from line in lines
           let match = Lifecycle.Match(line)
           where match.Success && match.Groups["domain"].Value == domain
           select new DomainEvent(ToNanoseconds(match.Groups["at"].Value), match.Groups["what"].Value),
    ];

    private static long ToNanoseconds(string at) =>
        (DateTime.ParseExact(at, "yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture).Ticks - DateTime.UnixEpoch.Ticks) * 100;

    [GeneratedRegex(@"^(?<at>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\+0000: event 'lifecycle' for domain '(?<domain>.*)': (?<what>.*)$")]
    private static partial Regex Lifecycle { get; }
}
