namespace Kagemusha.Hook;

/// <summary>
/// <c>kagemusha-hook</c>: called by libvirt for every operation of every VM (<c>kagemusha-hook qemu GUEST OP SUBOP EXTRA</c>), and the
/// administrator's command line. What serves the one is not touched by the other: a VM that is not ours costs a few milliseconds.
/// </summary>
internal static class Program
{
    private static int Main(string[] args) => (int)(args is ["qemu", .. var call] ? QemuHook.Run(call) : CommandLine.Run(args));
}
