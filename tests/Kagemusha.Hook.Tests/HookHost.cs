using System.Diagnostics;

namespace Kagemusha.Hook.Tests;

/// <summary>A host as the hook sees it: the real program in a mount namespace with a /run and a /var/log of its own.</summary>
internal sealed class HookHost : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("kg-hook");

    public HookHost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root, for a mount namespace of its own");
        Directory.CreateDirectory(Path.GetDirectoryName(Log("vm"))!);
        Directory.CreateDirectory(Place("run"));
        Directory.CreateDirectory(Place("files"));
    }

    /// <summary>The place outside of what is /run inside.</summary>
    public string Socket => Place("run/kagemusha/control.sock");

    /// <summary>The domain's own log.</summary>
    public string Log(string name) => Place($"log/libvirt/qemu/{name}.log");

    /// <summary>A file that is where it is outside, too.</summary>
    public string File(string name) => Place($"files/{name}");

    /// <summary>Notes an incoming migration of the tests' domain, as the agent does.</summary>
    public void MarkIncoming()
    {
        Directory.CreateDirectory(Place("run/kagemusha/incoming"));
        System.IO.File.WriteAllText(Place("run/kagemusha/incoming/c0ffee00-0000-4000-8000-000000000001"), "");
    }

    /// <summary>Runs <c>kagemusha-hook</c> to its end.</summary>
    /// <param name="input">Standard input, or null to leave it open and empty.</param>
    /// <param name="arguments">After the program's name.</param>
    public Task<HookEnd> RunAsync(string? input, params string[] arguments) => RunScriptAsync("exec \"$program\" \"$@\"", input, arguments);

    /// <summary>Runs a line of bash in which the program is <c>$program</c>.</summary>
    public async Task<HookEnd> RunScriptAsync(string script, string? input, params string[] arguments)
    {
        var start = new ProcessStartInfo("unshare")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])["--mount", "bash", "-c",
            $"mount --bind '{Place("run")}' /run && mount --bind '{Place("log")}' /var/log && {script}", "bash", .. arguments])
        {
            start.ArgumentList.Add(argument);
        }

        start.Environment["program"] = Path.Combine(AppContext.BaseDirectory, "kagemusha-hook");
        var clock = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(Patience);
        var output = process.StandardOutput.ReadToEndAsync(patience.Token);
        var error = process.StandardError.ReadToEndAsync(patience.Token);
        if (input is not null)
        {
            try
            {
                await process.StandardInput.WriteAsync(input);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading all of it.
            }
        }

        await process.WaitForExitAsync(patience.Token);
        return new(process.ExitCode, await output, await error, clock.Elapsed);
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private string Place(string path) => Path.Combine(_directory.FullName, path);
}

/// <summary>How a run ended.</summary>
internal sealed record HookEnd(int ExitCode, string Output, string Error, TimeSpan Took);
