using Xunit.Sdk;
using Xunit.v3;

namespace Kagemusha.Lab.Tests;

/// <summary>
/// The order of the tests: in a class as they are written, and the classes so that guests move seldom. It saves time, nothing else:
/// each test brings about what it needs.
/// </summary>
public sealed class Itinerary : ITestClassOrderer, ITestMethodOrderer
{
    private static readonly Type[] Classes =
    [
        typeof(InsideViewTests),
        typeof(InstallationTests),
        typeof(WrongInputTests),
        typeof(HookTests),
        typeof(PlainGuestTests),
        typeof(EnrolmentTests),
        typeof(OldKernelTests),
        typeof(MoveTests),
        typeof(SuccessionTests),
        typeof(LossTests),
        typeof(TransparencyTests),
        typeof(LifeAwayTests),
        typeof(TwoInterfacesTests),
        typeof(HomeLinkTests),
        typeof(TransferTests),
        typeof(ReturnTests),
        typeof(ChannelTests),
        typeof(AgentFailureTests),
        typeof(IsolationTests),
        typeof(HostileGuestTests),
        typeof(StrictNodeTests),
        typeof(BreakageTests),
        typeof(RecoverTests),
        typeof(HomeAddressTests),
    ];

    public IReadOnlyCollection<TTestClass?> OrderTestClasses<TTestClass>(IReadOnlyCollection<TTestClass?> testClasses)
        where TTestClass : notnull, ITestClass =>
        [.. testClasses.OrderBy(each => Array.FindIndex(Classes, type => type.FullName == each?.TestClassName))];

    public IReadOnlyCollection<TTestMethod?> OrderTestMethods<TTestMethod>(IReadOnlyCollection<TTestMethod?> testMethods)
        where TTestMethod : notnull, ITestMethod =>
        [.. testMethods.OrderBy(each => (each as IXunitTestMethod)?.Method.MetadataToken)];
}
