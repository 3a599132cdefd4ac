using System.Globalization;
using Kagemusha.Mobility;
using Kagemusha.Wire;

namespace Kagemusha.HomeAgentDaemon;

/// <summary>
/// The lines about refused updates: in a minute one for each home address and status, for a mobile node repeats what is refused; and not more than
/// a hundred, for anybody can send some.
/// </summary>
internal sealed class RefusalLog
{
    private const int MostLines = 100;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly HashSet<(Ipv6Address HomeAddress, BindingStatus Status)> _said = [];
    private TimeSpan _began;
    private int _unsaid;

    /// <summary>What to say of a refusal.</summary>
    public IEnumerable<string> Lines(TimeSpan now, HomeAgentEffect.Refused refused)
    {
        if (now - _began >= Interval)
        {
            if (_unsaid > 0)
            {
                yield return string.Create(CultureInfo.InvariantCulture, $"{_unsaid} more updates were refused like those before");
            }

            (_began, _unsaid) = (now, 0);
            _said.Clear();
        }

        if (_said.Count < MostLines && _said.Add((refused.HomeAddress, refused.Status)))
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{refused.HomeAddress}: refused at {refused.CareOfAddress} with status {(byte)refused.Status}: {refused.Reason}");
        }
        else
        {
            _unsaid++;
        }
    }
}
