using System.Globalization;
using System.Net.Sockets;

namespace Kagemusha.Intruder;

/// <summary>
/// A guest that means harm: runs in a guest, as root.
/// <code>
/// kagemusha-intruder attack SCENE...         each attack once
/// kagemusha-intruder flood COUNT SCENE...    so many neighbour solicitations
/// </code>
/// </summary>
internal static class Program
{
    private const int Failed = 1;
    private const int Usage = 2;

    private static int Main(string[] arguments)
    {
        try
        {
            return arguments switch
            {
                ["attack", ..] when Scene.TryParse(arguments.AsSpan(1), out var scene) => Send(scene, Attack.All.SelectMany(attack => attack.Frames(scene))),
                ["flood", var text, ..]
                    when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && Scene.TryParse(arguments.AsSpan(2), out var scene)
                    => Send(scene, Flood.Frames(scene, count)),
                _ => Refuse(),
            };
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            Console.Error.WriteLine($"kagemusha-intruder: {e.Message}");
            return Failed;
        }
    }

    private static int Send(Scene scene, IEnumerable<byte[]> frames)
    {
        using var outlet = new Outlet(scene.Interface);
        var sent = 0;
        foreach (var frame in frames)
        {
            outlet.Send(frame);
            sent++;
        }

        Console.WriteLine($"{sent} frames sent");
        return 0;
    }

    private static int Refuse()
    {
        Console.Error.WriteLine($"kagemusha-intruder: attack {Scene.Usage} | flood COUNT {Scene.Usage}");
        return Usage;
    }
}
