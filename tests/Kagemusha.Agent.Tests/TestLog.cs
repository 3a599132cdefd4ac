namespace Kagemusha.Agent.Tests;

/// <summary>The log of all tests: NLog has one configuration for a process.</summary>
internal static class TestLog
{
    public static readonly string Directory = System.IO.Directory.CreateTempSubdirectory("kagemusha-log-").FullName;

    public static readonly AgentLog Log = Create();

    private static AgentLog Create()
    {
        AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.Directory.Delete(Directory, recursive: true);
        return new(Path.Combine(Directory, "kagemushad.log"), Directory);
    }
}
