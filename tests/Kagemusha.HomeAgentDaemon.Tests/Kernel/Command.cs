using System.Diagnostics;
using System.Threading.Channels;

namespace Kagemusha.HomeAgentDaemon.Tests.Kernel;

/// <summary>A program that runs while a test does.</summary>
internal sealed class Command : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly List<string> _seen = [];

    private Command(string program, IEnumerable<string> arguments)
    {
        _process = new()
        {
            StartInfo = new(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        _process.OutputDataReceived += (_, e) => Add(e.Data);
        _process.ErrorDataReceived += (_, e) => Add(e.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Starts a program.</summary>
    public static Command Start(string program, params IEnumerable<string> arguments) => new(program, arguments);

    /// <summary>Runs a program to its end, with a text on its standard input; what it wrote, if it ended well.</summary>
    public static async Task<string> RunAsync(string program, IEnumerable<string> arguments, string input = "")
    {
        using var command = new Command(program, arguments);
        await command._process.StandardInput.WriteAsync(input);
        command._process.StandardInput.Close();
        var exitCode = await command.EndAsync();
        return exitCode == 0
            ? command.Output
            : throw new InvalidOperationException(
                $"{program} {string.Join(' ', arguments)} ended with {exitCode}: {command.Output}\n{input}");
    }

    /// <summary>All that it has written so far.</summary>
    public string Output
    {
        get
        {
            lock (_seen)
            {
                return string.Join('\n', _seen);
            }
        }
    }

    /// <summary>The process.</summary>
    public int Id => _process.Id;

    public Task WriteLineAsync(string line) => _process.StandardInput.WriteLineAsync(line);

    /// <summary>Waits for the next line with this text in it.</summary>
    public async Task<string> LineAsync(string text, TimeSpan? longest = null)
    {
        using var patience = new CancellationTokenSource(longest ?? Patience);
        try
        {
            for (; ; )
            {
                var line = await _lines.Reader.ReadAsync(patience.Token);
                if (line.Contains(text, StringComparison.Ordinal))
                {
                    return line;
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            throw new InvalidOperationException($"no line with '{text}' in:\n{Output}", e);
        }
    }

    /// <summary>Sends a signal.</summary>
    public Task SignalAsync(string signal) => RunAsync("kill", ["-s", signal, $"{_process.Id}"]);

    /// <summary>Waits for its end and gives its exit code.</summary>
    public async Task<int> EndAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private void Add(string? line)
    {
        if (line is not null)
        {
            lock (_seen)
            {
                _seen.Add(line);
            }

            _lines.Writer.TryWrite(line);
        }
    }
}
