using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using CommandLine;

namespace Kagemusha.Hook;

/// <summary>The values of the options that need one. The parser takes an option without its value for one that is not there.</summary>
internal static class OptionValues
{
    private static IEnumerable<string> Names { get; } =
        [.. Of<EnrollVerb>(), .. Of<UnenrollVerb>(), .. Of<StatusVerb>(), .. Of<HistoryVerb>(), .. Of<RecoverVerb>(), .. Of<DoctorVerb>(), .. Of<MigrateVerb>()];

    /// <summary>The first option that has none, or null. No value begins with a dash.</summary>
    public static string? FirstMissing(string[] args)
    {
        var words = args.TakeWhile(word => word != "--").ToList();
        for (var at = 0; at < words.Count; at++)
        {
            var (name, value) = words[at].IndexOf('=', StringComparison.Ordinal) is > 0 and var equals
                ? (words[at][..equals], words[at][(equals + 1)..])
                : (words[at], words.ElementAtOrDefault(at + 1));
            if (value is null or "" or ['-', ..] && name.StartsWith("--", StringComparison.Ordinal) && Names.Contains(name[2..]))
            {
                return name[2..];
            }
        }

        return null;
    }

    private static IEnumerable<string> Of<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicProperties)] T>()
        where T : IVerb =>
        from property in typeof(T).GetProperties()
        where property.PropertyType != typeof(bool)
        let option = property.GetCustomAttribute<OptionAttribute>()
        where option is not null
        select option.LongName;
}
