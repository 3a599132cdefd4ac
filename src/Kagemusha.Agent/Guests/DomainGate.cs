namespace Kagemusha.Agent;

/// <summary>
/// Lets changes of one domain's definition go one after the other: each is made from what it has read before. Used on the agent's loop only. No hook call
/// ever waits here: libvirt holds the domain's lock meanwhile, and whoever is inside may wait for libvirt.
/// </summary>
internal sealed class DomainGate
{
    private readonly Dictionary<Guid, Task> _last = [];

    /// <summary>Makes a change when all that were asked for before have ended.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="change">The change. It does not come here again.</param>
    public async Task<T> PassAsync<T>(Guid domain, Func<Task<T>> change)
    {
        var before = _last.GetValueOrDefault(domain, Task.CompletedTask);
        var ended = new TaskCompletionSource();
        _last[domain] = ended.Task;
        try
        {
            await before;
            return await change();
        }
        finally
        {
            if (_last[domain] == ended.Task)
            {
                _last.Remove(domain);
            }

            ended.SetResult();
        }
    }
}
