using System.Diagnostics;

namespace Kagemusha.Lab.Tests;

/// <summary>How a command ended.</summary>
/// <param name="Line">The command.</param>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Output">What it printed.</param>
/// <param name="Error">What it printed on standard error.</param>
internal sealed record CommandResult(string Line, int ExitCode, string Output, string Error)
{
    /// <summary>The lines of standard output.</summary>
    public IReadOnlyList<string> Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>This, if the exit code is 0.</summary>
    public CommandResult Succeed() => ExitCode == 0 ? this : throw new InvalidOperationException($"it failed: {this}");

    /// <summary>It failed as the programs promise: with this exit code, one line on standard error, nothing on standard output.</summary>
    /// <returns>The line.</returns>
    public string FailWithOneLine(int exitCode)
    {
        Assert.True(ExitCode == exitCode, $"exit code {exitCode} was expected: {this}");
        Assert.True(Output.Length == 0, $"no output was expected: {this}");
        return OneError();
    }

    /// <summary>The one line on standard error.</summary>
    public string OneError()
    {
        var lines = Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Length == 1 ? lines[0] : throw new InvalidOperationException($"one line was expected: {this}");
    }

    public override string ToString() => $"{Line}: exit code {ExitCode}\n{Output}{Error}";
}

/// <summary>A program that runs.</summary>
internal sealed class Command : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(180);
    private readonly string _line;
    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _error;

    /// <param name="line">The program and its arguments.</param>
    /// <param name="input">Its standard input.</param>
    public Command(IReadOnlyList<string> line, string input = "")
    {
        _line = string.Join(' ', line);
        _process = Start(line);
        _output = _process.StandardOutput.ReadToEndAsync();
        _error = _process.StandardError.ReadToEndAsync();
        try
        {
            _process.StandardInput.Write(input);
            _process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It has ended without reading all of it.
        }
    }

    public bool HasEnded => _process.HasExited;

    /// <summary>Runs a program to its end.</summary>
    /// <param name="line">The program and its arguments.</param>
    /// <param name="input">Its standard input.</param>
    /// <exception cref="TimeoutException">It has not ended within three minutes.</exception>
    public static CommandResult Run(IReadOnlyList<string> line, string input = "")
    {
        using var command = new Command(line, input);
        return command.Finish();
    }

    /// <summary>Starts a program whose standard input, output and error are pipes.</summary>
    public static Process Start(IReadOnlyList<string> line) => Process.Start(new ProcessStartInfo(line[0], line.Skip(1))
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    /// <summary>Waits for its end.</summary>
    /// <exception cref="TimeoutException">It has not ended within three minutes.</exception>
    public CommandResult Finish()
    {
        if (!_process.WaitForExit(Patience) || !Task.WaitAll([_output, _error], Patience))
        {
            throw new TimeoutException($"it has not ended within {Patience.TotalSeconds:0} s: {_line}");
        }

        return new(_line, _process.ExitCode, _output.Result, _error.Result);
    }

    /// <summary>Kills it if it has not ended.</summary>
    public void Dispose()
    {
        _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }
}
