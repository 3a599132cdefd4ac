using System.Globalization;

namespace Kagemusha.Mobility.Tests.Simulation;

/// <summary>
/// Mobile nodes against the home agent under random moves, crashes and networks. KG_TEST_ALL=1 runs more seeds, KG_TEST_SEED=N the one
/// that a failure names.
/// </summary>
public sealed class SimulationTests
{
    private const int Steps = 40;

    [Fact]
    public void Mobile_node_and_home_agent_agree_in_the_end_whatever_happens()
    {
        var only = Environment.GetEnvironmentVariable("KG_TEST_SEED");
        var count = Environment.GetEnvironmentVariable("KG_TEST_ALL") is "1" ? 10_000 : 500;
        foreach (var seed in string.IsNullOrEmpty(only) ? Enumerable.Range(0, count) : [int.Parse(only, CultureInfo.InvariantCulture)])
        {
            Run(seed);
        }
    }

    private static void Run(int seed)
    {
        var world = new SimulatedWorld(seed);
        try
        {
            for (var step = 0; step < Steps; step++)
            {
                world.Step();
            }

            world.Settle();
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"KG_TEST_SEED={seed}: {e.Message}\n{world.Trace}", e);
        }
    }
}
