using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>The file that tells the hook, with this agent dead, a start that belongs to a migration from a plain one.</summary>
internal static class IncomingMarker
{
    public static void Create(Guid uuid)
    {
        var path = ControlPaths.IncomingMarker(uuid);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, []);
    }

    public static bool Exists(Guid uuid) => File.Exists(ControlPaths.IncomingMarker(uuid));

    public static void Delete(Guid uuid)
    {
        if (Exists(uuid))
        {
            File.Delete(ControlPaths.IncomingMarker(uuid));
        }
    }
}
