using LibvirtSharp;

namespace Kagemusha.Hook;

/// <summary>
/// Whether a VM's memory gets fewer with each pass over it. One that writes as fast as can be copied never stands still long enough
/// to be moved: then it has to run at the destination before all of it has come.
/// </summary>
internal sealed class Convergence
{
    /// <summary>A pass that leaves more than this share of what the one before has left gets nowhere: our choice.</summary>
    private const double Progress = 0.7;

    // The first pass copies all, and what it leaves says nothing of the next one.
    private const ulong FirstJudged = 3;

    private ulong _pass;
    private ulong _left;

    /// <summary>Looks at a job.</summary>
    /// <returns>Whether its last pass has got nowhere.</returns>
    public bool HasStalled(DomainJob job)
    {
        if (job.Iteration <= _pass)
        {
            return false;
        }

        var before = _left;
        (_pass, _left) = (job.Iteration, job.MemoryRemaining);
        return job.Iteration >= FirstJudged && _left > Progress * before;
    }
}
