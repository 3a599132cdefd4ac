using System.Text.Json.Serialization;

namespace Kagemusha.Control;

/// <summary>What became of looking at one of the things that a move needs.</summary>
/// <param name="Check">What was looked at, in a few words.</param>
/// <param name="Result">How it is.</param>
/// <param name="What">What was found, in one line; of what could not be looked at, why.</param>
/// <param name="Remedy">What to do, in one line; null where there is nothing to be done.</param>
public sealed record Finding(string Check, FindingResult Result, string What, string? Remedy = null)
{
    /// <summary>Nothing hinders a move.</summary>
    public static Finding Ok(string check, string what) => new(check, FindingResult.Ok, what);

    /// <summary>It could not be looked at.</summary>
    public static Finding Unknown(string check, string why, string? remedy = null) => new(check, FindingResult.Unknown, why, remedy);

    /// <summary>It hinders no move now, but may later.</summary>
    public static Finding Warning(string check, string what, string remedy) => new(check, FindingResult.Warning, what, remedy);

    /// <summary>It will hinder a move.</summary>
    public static Finding Error(string check, string what, string remedy) => new(check, FindingResult.Error, what, remedy);
}

/// <summary>How something is that a move needs, the worst last.</summary>
[JsonConverter(typeof(KebabCaseEnumConverter<FindingResult>))]
public enum FindingResult
{
    /// <summary>As it has to be.</summary>
    Ok,

    /// <summary>It could not be looked at.</summary>
    Unknown,

    /// <summary>It hinders no move now, but may later.</summary>
    Warning,

    /// <summary>It will hinder a move.</summary>
    Error,
}
