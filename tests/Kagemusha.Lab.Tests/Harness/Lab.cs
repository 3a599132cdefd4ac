using Xunit.Sdk;
using Xunit.v3;

[assembly: AssemblyFixture(typeof(Kagemusha.Lab.Tests.Lab))]
// One lab serves all tests.
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: Parallelization(Mode = ParallelMode.None)]
[assembly: TestClassOrderer(typeof(Kagemusha.Lab.Tests.Itinerary))]
[assembly: TestMethodOrderer(typeof(Kagemusha.Lab.Tests.Itinerary))]

namespace Kagemusha.Lab.Tests;

/// <summary>
/// The lab that the tests run in: `scripts/lab run` has made it. Guests are shared, for each costs some seconds to start: a test says by
/// <see cref="LabGuest.BeAt"/> where it needs one, whatever the test before has left.
/// </summary>
public sealed class Lab : IDisposable
{
    /// <summary>The correspondent node's address.</summary>
    internal const string CorrespondentAddress = "2001:db8:f2::2";

    private readonly LabGuest[] _guests;

    public Lab()
    {
        if (Environment.GetEnvironmentVariable("LAB_OUT") is not { } directory)
        {
            throw new InvalidOperationException("these tests run in the lab: scripts/lab run");
        }

        Out = directory;
        Repository = Environment.GetEnvironmentVariable("LAB_REPOSITORY")!;
        VM = new(this, "vm", "52:54:00:00:00:10", "2001:db8:1:0:5054:ff:fe00:10");
        Dash = new(this, "-vm1", "52:54:00:00:00:11", "2001:db8:1:0:5054:ff:fe00:11");
        _guests = [VM, Dash];
        foreach (var host in Hosts)
        {
            host.WaitForAgent();
        }
    }

    /// <summary>Where captures, logs and consoles stay.</summary>
    internal string Out { get; }

    /// <summary>The repository, whose scripts are tried, too.</summary>
    internal string Repository { get; }

    /// <summary>The Internet.</summary>
    internal Box Core { get; } = new("core");

    /// <summary>The correspondent node.</summary>
    internal Box Correspondent { get; } = new("cn");

    /// <summary>The home link's switch.</summary>
    internal Box HomeLink { get; } = new("home-link");

    /// <summary>The home router with the home agent.</summary>
    internal HomeBox Home { get; } = new();

    /// <summary>The host on the home link.</summary>
    internal Hypervisor A { get; } = new("hv-a", "2001:db8:f3::2");

    /// <summary>A foreign host.</summary>
    internal Hypervisor B { get; } = new("hv-b", "2001:db8:f4::2");

    /// <summary>Another one.</summary>
    internal Hypervisor C { get; } = new("hv-c", "2001:db8:f5::2");

    internal IReadOnlyList<Hypervisor> Hosts => [A, B, C];

    /// <summary>The guest that most tests move.</summary>
    internal LabGuest VM { get; }

    /// <summary>A second guest, whose name begins with a dash.</summary>
    internal LabGuest Dash { get; }

    /// <summary>Whatever the test before has left: all programs run.</summary>
    internal void Restore()
    {
        Home.Restore();
        foreach (var host in Hosts)
        {
            host.Restore();
        }
    }

    /// <summary>The home agent was erased for a guest: it is to know the others that are away.</summary>
    internal void RegisterOthersAgain(LabGuest lost)
    {
        foreach (var guest in _guests.Where(guest => guest != lost))
        {
            if (guest.Host is { } host && host != A)
            {
                host.Hook("recover", "--", guest.Name).Succeed();
            }
        }
    }

    /// <summary>One echo from the correspondent node.</summary>
    internal bool Reaches(string address) => Correspondent.Run("ping", "-n", "-c", "1", "-W", "1", address).ExitCode == 0;

    public void Dispose()
    {
        foreach (var guest in _guests)
        {
            guest.Destroy();
        }
    }
}
