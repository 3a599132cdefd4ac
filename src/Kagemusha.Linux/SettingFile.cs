using Tmds.Linux;

namespace Kagemusha.Linux;

/// <summary>Files under /proc/sys/net.</summary>
internal static class SettingFile
{
    private const string Root = "/proc/sys/net/";

    /// <summary>A setting's value, or null if it does not exist.</summary>
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

    public static void Write(Sysctl setting)
    {
        try
        {
            File.WriteAllText(Root + setting.Path, setting.Value);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KernelException($"sysctl -w net/{setting.Path}={setting.Value}", error is UnauthorizedAccessException ? LibC.EACCES : error.HResult);
        }
    }
}
