using System.Globalization;
using System.Text.RegularExpressions;

namespace Kagemusha.Lab.Tests;

/// <summary>Echo requests from a box, ten a second, while it lasts.</summary>
internal sealed partial class Pings(Box box, string address) : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly System.Diagnostics.Process _ping = Command.Start(box.Line("ping", "-n", "-q", "-i", "0.1", "-W", "10", address));

    [GeneratedRegex(@"(\d+) packets transmitted, (\d+) received")]
    private static partial Regex Summary { get; }

    /// <summary>Ends it.</summary>
    /// <returns>How many there were, and how many were answered.</returns>
    public (int Sent, int Answered) Stop()
    {
        Interrupt();
        Assert.True(_ping.WaitForExit(Patience), "ping does not end");
        var said = Summary.Match(_ping.StandardOutput.ReadToEnd());
        Assert.True(said.Success);
        return (Number(1), Number(2));

        int Number(int group) => int.Parse(said.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        Interrupt();
        _ping.Dispose();
    }

    private void Interrupt()
    {
        if (!_ping.HasExited)
        {
            Command.Run(["pkill", "-INT", "-P", $"{_ping.Id}"]);
            Command.Run(["kill", "-INT", $"{_ping.Id}"]);
        }
    }
}
