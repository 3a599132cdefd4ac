using Kagemusha.Control;

namespace Kagemusha.Hook;

/// <summary>What is said to whoever called.</summary>
internal static class Terminal
{
    /// <summary>To the upper left corner, and clear from there.</summary>
    public const string Clear = "\e[H\e[J";

    public const string Red = "\e[31m";
    public const string Green = "\e[32m";
    public const string Yellow = "\e[33m";

    /// <summary>As before any of the colours.</summary>
    public const string Plain = "\e[0m";

    /// <summary>Says on standard error, in one line, why it did not work; in red where somebody looks at it.</summary>
    /// <returns>The exit code.</returns>
    public static ExitCode Fail(ExitCode exitCode, string error)
    {
        var line = $"kagemusha-hook: {OneLine(error)}";
        Console.Error.WriteLine(Console.IsErrorRedirected ? line : $"{Red}{line}{Plain}");
        return exitCode;
    }

    /// <summary>libvirt's errors, and names, may hold any character.</summary>
    public static string OneLine(string text) => string.Concat(text.Trim().Select(c => char.IsControl(c) ? ' ' : c));
}
