using System.Diagnostics;

namespace Kagemusha.Wire.Tests;

/// <summary>Runs another program that knows the protocols.</summary>
internal static class Tool
{
    /// <summary>Its standard output; throws where it is missing or fails.</summary>
    public static async Task<string> RunAsync(string program, string[] arguments, string input, CancellationToken cancellation)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync(cancellation);
        var errors = process.StandardError.ReadToEndAsync(cancellation);
        await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
        process.StandardInput.Close();
        await process.WaitForExitAsync(cancellation);
        Assert.True(process.ExitCode == 0, $"{program} failed: {await errors}");
        return await output;
    }
}
