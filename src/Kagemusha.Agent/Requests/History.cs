using Kagemusha.Control;

namespace Kagemusha.Agent;

/// <summary>Which moves this host took part in. libvirt is not asked: most of the VMs are not here any more.</summary>
/// <param name="journal">The moves.</param>
internal sealed class History(MoveJournal journal)
{
    /// <exception cref="RefusedException">A domain was named, and none of its moves is known here.</exception>
    public async Task<HistoryReply> AnswerAsync(HistoryRequest request)
    {
        var moves = await journal.ReadAsync(request.Domain);
        return moves.Count > 0 || request.Domain is null
            ? new(moves)
            : throw new RefusedException($"no move of '{request.Domain}' to or from this host is recorded", ExitCode.NotFound);
    }
}
