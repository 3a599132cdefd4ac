using Tmds.Linux;

namespace Kagemusha.Linux;

/// <summary>The kernel's settings under <c>/proc/sys/net</c>, in the network namespace of the calling thread.</summary>
public static class SystemControl
{
    private const string Root = "/proc/sys/net/";

    /// <summary>A setting's value, or null if it does not exist.</summary>
    /// <param name="path">The path below it, such as <c>ipv6/conf/all/forwarding</c>.</param>
    public static string? Read(string path)
    {
        try
        {
            return File.ReadAllText(Root + path).TrimEnd('\n');
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>Changes a setting.</summary>
    /// <exception cref="KernelException">The kernel refused it: not root, no such setting, not such a value.</exception>
    public static void Write(string path, string value)
    {
        try
        {
            File.WriteAllText(Root + path, value);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KernelException($"sysctl -w net/{path}={value}", error is UnauthorizedAccessException ? LibC.EACCES : error.HResult);
        }
    }

    /// <summary>
    /// To be called before a machine that does not forward begins to. Forwarding would make the kernel deaf to router advertisements where
    /// accept_ra is 1, and take the default routes away that it has learnt from them; 2 says that this router still wants its own.
    /// </summary>
    /// <returns>The links whose setting was changed.</returns>
    /// <exception cref="KernelException">The kernel refused it.</exception>
    public static IReadOnlyList<string> KeepRouterAdvertisements(IEnumerable<NetworkInterface> links)
    {
        if (Read("ipv6/conf/all/forwarding") != "0")
        {
            return [];
        }

        var deaf = links.Select(link => link.Name).Where(name => Read($"ipv6/conf/{name}/accept_ra") == "1").ToList();
        deaf.ForEach(name => Write($"ipv6/conf/{name}/accept_ra", "2"));
        return deaf;
    }
}
