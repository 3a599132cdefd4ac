using System.Collections.Concurrent;
using Kagemusha.Linux;
using Kagemusha.Mobility;

namespace Kagemusha.HomeAgentDaemon;

// What the kernel is given for the bindings. A change of one costs its own messages only; all is compared when this program starts, and when the kernel is not as
// it was left.
internal sealed partial class Daemon
{
    // The comparison costs time for each binding, and anybody who may change routes can cause it.
    private static readonly TimeSpan RepairInterval = TimeSpan.FromSeconds(10);

    private readonly DataPath _dataPath;

    // Tunnels that somebody may have taken away or set down, by their names.
    private readonly ConcurrentDictionary<string, bool> _suspects = [];

    // The change whose end is still to come: tunnels that nothing goes through any more.
    private DataPathChange? _turned;

    private bool _isAsGiven;
    private volatile bool _isAltered;
    private TimeSpan _repaired;

    private TimeSpan? NextRepair => _isAltered ? _repaired + RepairInterval : null;

    private void MakeDataPath()
    {
        // In order: two that want the same name or handle find it again as it was, more often than not.
        _dataPath.Change(_agent.Bindings.OrderBy(b => b.CareOfAddress).ThenBy(b => b.HomeAddress)
            .Select(b => new BoundAddress(b.HomeAddress, b.CareOfAddress, b.LinkLocalAddress)));
        Compare(null);
    }

    /// <summary>Has the kernel hold what was decided.</summary>
    /// <returns>Whether it does.</returns>
    private bool TurnDataPath(IEnumerable<HomeAgentEffect.BindingChanged> changes)
    {
        var change = _dataPath.Change(changes.Select(one => new BoundAddress(
            one.Binding.HomeAddress, one.HasEnded ? null : one.Binding.CareOfAddress, one.HasEnded ? null : one.Binding.LinkLocalAddress)));
        if (!_isAsGiven)
        {
            return Compare(change);
        }

        _turned = change;
        try
        {
            Tell(_kernel.Step(change.From, change.Turning, DataPath.Scope));
            return true;
        }
        catch (KernelException e)
        {
            Log.Info($"the kernel is not as it was left, or will not have a change: {e.Message}; looking at all that is there");
            return Compare(change);
        }
    }

    /// <summary>Takes the tunnels away that nothing goes through any more: it takes the kernel a while, and nobody waits.</summary>
    private void SettleDataPath()
    {
        if (_turned is { Leaving.Count: > 0 } turned)
        {
            _turned = null;
            try
            {
                Tell(_kernel.Step(turned.Turning, turned.To, DataPath.Scope));
            }
            catch (KernelException)
            {
                Compare(null);
            }
        }
    }

    /// <summary>Looks at all that the kernel has, and makes it match.</summary>
    /// <param name="change">What is on the way; null if nothing is.</param>
    private bool Compare(DataPathChange? change)
    {
        _turned = null;
        try
        {
            Tell(_kernel.Apply(_dataPath.Wanted.With(change?.Lingering ?? []), DataPath.Scope));
            _turned = change;
            _isAsGiven = true;
        }
        catch (KernelException e)
        {
            Log.Error($"the kernel is not as it should be: {e.Message}");
            _isAsGiven = false;
        }

        return _isAsGiven;
    }

    private static void Tell(ApplyResult result)
    {
        foreach (var change in result.Changes)
        {
            Log.Debug($"kernel: {change}");
        }
    }

    /// <summary>Looks at all anew if somebody else has changed something.</summary>
    private void RepairDataPath()
    {
        foreach (var name in _suspects.Keys)
        {
            _suspects.TryRemove(name, out _);
            if (_dataPath.HasTunnel(name) && _kernel.Interface(name) is not { IsUp: true })
            {
                _isAltered = true;
            }
        }

        if (NextRepair <= Now)
        {
            _isAltered = false;
            _repaired = Now;
            var isMended = Compare(null);
            Log.Info($"somebody else has changed tunnels, routes or filters; {(isMended ? "all is as it should be again" : "it could not be mended")}");
        }
    }

    /// <summary>Takes note of what may be somebody else's work.</summary>
    private void Suspect(KernelEvent happened)
    {
        switch (happened)
        {
            case KernelEvent.Altered or KernelEvent.Resynchronize:
                _isAltered = true;
                break;
            case KernelEvent.LinkRemoved { Link.Name: var name } when IsTunnel(name):
                _suspects[name] = true;
                break;
            case KernelEvent.LinkChanged { Link: { IsUp: false, Name: var name } } when IsTunnel(name):
                _suspects[name] = true;
                break;
            default:
                return;
        }

        _inputs.Writer.TryWrite(new HomeAgentInput.WakeUp());

        static bool IsTunnel(string name) => name.StartsWith(DataPath.Scope.LinkPrefix, StringComparison.Ordinal);
    }

    private async Task WatchLinkAsync(CancellationToken end)
    {
        await foreach (var happened in _monitor.ReadAsync(end))
        {
            Suspect(happened);
            var gone = happened switch
            {
                KernelEvent.LinkRemoved { Link.Index: var index } when index == _site.Link.Index => $"{_site.Link.Name} has gone",
                KernelEvent.LinkChanged { Link: var link } when link.Index == _site.Link.Index && link.Address != _site.Link.Address =>
                    $"{_site.Link.Name} has another link-layer address now",
                KernelEvent.AddressRemoved { Address.Address: var address } when address == _site.Configuration.Address =>
                    $"{address} is no longer an address of this machine",
                _ => null,
            };
            if (gone is not null)
            {
                throw new RefusedException($"{gone}: start the home agent again when the home link is ready");
            }
        }
    }
}
