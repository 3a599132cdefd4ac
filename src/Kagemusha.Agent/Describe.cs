namespace Kagemusha.Agent;

/// <summary>A guest in the words of a log line.</summary>
internal static class Describe
{
    /// <summary>Where the guest is on this host.</summary>
    public static string Place(Guest guest) => string.Join(", ", guest.Links.Select(link => link.Attachment switch
    {
        Attachment.Away away => $"{Environment.MachineName} away at {away.CareOf.Address} ({away.Tap})",
        Attachment.Home home => $"{Environment.MachineName} at home on {home.Bridge}",
        Attachment.Severed severed => $"{Environment.MachineName} severed: {severed.Why}",
        _ => Environment.MachineName,
    }));
}
