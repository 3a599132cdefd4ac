using System.Threading.Channels;

namespace Kagemusha.Control.Tests;

/// <summary>A control server that runs until it is disposed.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<Exception> _errors = Channel.CreateUnbounded<Exception>();
    private readonly ControlServer _server;
    private readonly Task _run;

    public FakeAgent(string path, Func<ControlRequest, Task<ControlReply>> handler)
    {
        _server = new(path);
        _run = _server.RunAsync((request, _) => handler(request), error => _errors.Writer.TryWrite(error), _stop.Token);
    }

    /// <summary>Waits for what the server is next told to have gone wrong.</summary>
    public ValueTask<Exception> NextErrorAsync() => _errors.Reader.ReadAsync(TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _server.Dispose();
        _stop.Dispose();
    }
}
