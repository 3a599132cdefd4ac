namespace Kagemusha.Control.Tests;

/// <summary>A control server that runs until it is disposed.</summary>
internal sealed class FakeAgent : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ControlServer _server;
    private readonly Task _run;

    public FakeAgent(string path, Func<ControlRequest, Task<ControlReply>> handler)
    {
        _server = new(path);
        _run = _server.RunAsync((request, _) => handler(request), Errors.Add, _stop.Token);
    }

    public List<Exception> Errors { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run;
        _server.Dispose();
        _stop.Dispose();
    }
}
